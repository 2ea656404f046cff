#include "graph/node.h"

#include <cstdlib>
#include <new>

namespace pyflame::graph {

namespace {

constexpr int kSlab = 512;
Node* g_free_nodes = nullptr;
Value* g_free_values = nullptr;
GraphStats g_stats;
u32 g_epoch = 0;

[[gnu::noinline]] void refill_nodes() {
  Node* slab = static_cast<Node*>(std::aligned_alloc(64, sizeof(Node) * kSlab));
  if (!slab) throw std::bad_alloc();
  g_stats.pooled_nodes += kSlab;
  for (int i = 0; i < kSlab; ++i) {
    slab[i].in[0] = g_free_nodes;
    g_free_nodes = &slab[i];
  }
}

// Long attributes, input lists and shapes nearly always fit one small block; those are kept for reuse.
constexpr std::size_t kBlock = 128;
void* g_free_blocks = nullptr;

void* take_block(std::size_t bytes) {
  void* block = g_free_blocks;
  if (bytes <= kBlock && block) {
    g_free_blocks = *static_cast<void**>(block);
    return block;
  }
  block = std::malloc(bytes < kBlock ? kBlock : bytes);
  if (!block) throw std::bad_alloc();
  return block;
}

void give_block(void* block, std::size_t bytes) {
  if (bytes > kBlock) return std::free(block);
  *static_cast<void**>(block) = g_free_blocks;
  g_free_blocks = block;
}

std::size_t attr_bytes(u32 count) { return sizeof(AttrRecord) + sizeof(i64) * count; }

void free_attrs(Node* node) {
  if (node->has(kLongAttrs)) give_block(node->record(), attr_bytes(node->record()->count));
}

void free_dims(Node* node) {
  if (node->ndim > kInlineDims) give_block(reinterpret_cast<void*>(node->dim[0]), sizeof(i64) * node->ndim);
}

// Removes the node's edges, pushing inputs whose count reached zero on `dead` (linked through dim[0]).
void unlink_inputs(Node* node, Node*& dead) {
  Node* const* inputs = node->inputs();
  int count = node->num_inputs;
  if (count == 1 && node->in[0]->has(kMultiOutput)) {
    Node** entries = node->in[0]->record()->projections;
    for (int i = 0; i < kMaxOutputs - 1; ++i) {
      if (entries[i] == node) entries[i] = nullptr;
    }
  }
  for (int i = 0; i < count; ++i) {
    Node* input = inputs[i];
    if (input && --input->refs == 0) {
      free_dims(input);
      input->ndim = 0;
      input->dim[0] = reinterpret_cast<i64>(dead);
      dead = input;
    }
  }
  if (count > kInlineInputs) give_block(const_cast<Node**>(inputs), sizeof(Node*) * static_cast<std::size_t>(count));
  node->num_inputs = 0;
}

// Iterative, so that a chain of any length is released without deep recursion.
void release_dead(Node* dead) {
  while (dead) {
    Node* node = dead;
    dead = reinterpret_cast<Node*>(node->dim[0]);
    if (__builtin_expect(node->has(kAttached), 0)) attachment_freed(node);
    unlink_inputs(node, dead);
    if (node->has(kOwned) && owned_node_freed) owned_node_freed(node);
    if (node->value) free_value(node->value);
    free_attrs(node);
    node->in[0] = g_free_nodes;
    g_free_nodes = node;
    --g_stats.live_nodes;
  }
}

}  // namespace

void (*attachment_freed)(Node*) = nullptr;

void (*owned_node_freed)(Node* node) = nullptr;
GraphStats& graph_stats() { return g_stats; }
u32 next_epoch() { return ++g_epoch; }

Value* make_value(Buffer* buffer, i64 offset, const Shape* strides) {
  Value* value = g_free_values;
  if (value) {
    g_free_values = reinterpret_cast<Value*>(value->buffer);
  } else {
    value = static_cast<Value*>(std::malloc(sizeof(Value)));
    if (!value) throw std::bad_alloc();
  }
  *value = Value{buffer, offset, strides ? new Shape(*strides) : nullptr};
  return value;
}

void free_value(Value* value) {
  release_buffer(value->buffer);
  delete value->strides;
  value->buffer = reinterpret_cast<Buffer*>(g_free_values);
  g_free_values = value;
}

Node* allocate_node() {
  if (__builtin_expect(!g_free_nodes, 0)) refill_nodes();
  Node* node = g_free_nodes;
  g_free_nodes = node->in[0];
  ++g_stats.live_nodes;
  node->refs = 1;
  node->ndim = 0;
  node->num_inputs = 0;
  node->flags = 0;
  node->location = 0;
  node->mark = 0;
  node->depth = 0;
  node->layout = 0;
  node->value = nullptr;
  node->attr[0] = node->attr[1] = 0;
  return node;
}

void free_node(Node* node) {
  free_dims(node);
  node->ndim = 0;
  node->dim[0] = 0;
  release_dead(node);
}

void drop_inputs(Node* node) {
  Node* dead = nullptr;
  unlink_inputs(node, dead);
  release_dead(dead);
}

void set_many_dims(Node* node, const Shape& shape) {
  i64* target = static_cast<i64*>(take_block(sizeof(i64) * static_cast<std::size_t>(shape.ndim)));
  node->ndim = static_cast<u8>(shape.ndim);
  node->dim[0] = reinterpret_cast<i64>(target);
  for (int i = 0; i < shape.ndim; ++i) target[i] = shape[i];
}

void set_many_inputs(Node* node, Node* const* inputs, int count) {
  Node** target = static_cast<Node**>(take_block(sizeof(Node*) * static_cast<std::size_t>(count)));
  node->in[0] = reinterpret_cast<Node*>(target);
  for (int i = 0; i < count; ++i) {
    target[i] = inputs[i];
    if (inputs[i]) inputs[i]->retain();
  }
  node->num_inputs = static_cast<u16>(count);
}

void set_many_attrs(Node* node, const i64* words, int count) {
  AttrRecord* record = static_cast<AttrRecord*>(take_block(attr_bytes(static_cast<u32>(count))));
  record->count = static_cast<u32>(count);
  for (Node*& projection : record->projections) projection = nullptr;
  for (int i = 0; i < count; ++i) record->words[i] = words[i];
  node->attr[0] = reinterpret_cast<i64>(record);
  node->attr[1] = count;
  node->flags |= kLongAttrs;
}

void make_multi_output(Node* node) {
  if (!node->has(kLongAttrs)) {
    i64 words[kInlineAttrs + 1] = {node->attr[0], node->attr[1], 0};
    set_attrs(node, words, kInlineAttrs + 1);
  }
  node->flags |= kMultiOutput;
}

}  // namespace pyflame::graph
