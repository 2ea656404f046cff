#include "runtime/trace.h"

#include "base/error.h"
#include "graph/apply.h"

namespace pyflame::runtime {

using namespace graph;

namespace {

u64 mix(u64 a, u64 b) {
  __uint128_t product = static_cast<__uint128_t>(a ^ 0x9E3779B97F4A7C15ull) * (b ^ 0xD6E8FEB86659FD93ull);
  return static_cast<u64>(product) ^ static_cast<u64>(product >> 64);
}

bool serves_backward(const Node* node) {
  return node->has(kRequiresGrad) && !node->has(kGradLeaf | kHistoryFreed);
}

}  // namespace

void Trace::place(Node* node, u32 epoch) {
  node->mark = epoch;
  node->slot = static_cast<u32>(order.size());
  node->uses = 0;
  order.push_back(node);
  most_words_ += static_cast<std::size_t>(2 * node->ndim + 2 + kInlineAttrs);
  if (node->value) leaves.push_back(node);
}

void Trace::emit(Node* node, u32 epoch) {
  place(node, epoch);
  if (node->value) return;
  most_words_ += node->num_inputs;
  if (node->has(kLongAttrs)) most_words_ += node->record()->count;
  Node* const* inputs = node->inputs();  // all of them are in the order already
  for (int i = 0; i < node->num_inputs; ++i) ++inputs[i]->uses;
  has_history |= serves_backward(node);
  running |= node->has(kRunning);
  if (!node->has(kMultiOutput)) return;
  has_projections_ = true;
  // All outputs are computed together, so living projections come along.
  for (Node* projection : node->record()->projections) {
    if (projection && !projection->value && projection->mark != epoch) emit(projection, epoch);
  }
}

void Trace::visit(Node* root, u32 epoch) {
  if (root->mark == epoch) return;
  stack_.push_back(root);
  static const OpId input_op = registry().at("input").id;
  while (!stack_.empty()) {
    Node* node = stack_.back();
    if (node->mark == epoch) {
      stack_.pop_back();
      continue;
    }
    std::size_t before = stack_.size();
    if (!node->value) {
      if (__builtin_expect(node->op == input_op, 0)) {
        fail(ErrorKind::kTrace,
             "[trace] the value of a traced tensor is not known: branches and conversions that need values cannot be "
             "traced; use where() or pass the value as an argument");
      }
      Node* const* inputs = node->inputs();
      for (int i = node->num_inputs; i-- > 0;) {
        Node* input = inputs[i];
        if (input->mark == epoch) continue;
        input->value ? place(input, epoch) : stack_.push_back(input);
      }
    }
    if (stack_.size() != before) continue;
    stack_.pop_back();
    emit(node, epoch);
  }
}

void Trace::mark_kept(Node* const* roots, std::size_t count) {
  keep_.assign(order.size(), 0);
  for (std::size_t r = 0; r < count; ++r) keep_[roots[r]->slot] = 1;
  const Registry& ops = registry();
  for (Node* node : order) {
    if (node->value) continue;
    if (node->refs > node->uses) keep_[node->slot] = 1;  // a Python handle or another pending graph will ask for it
    if (!has_history || !serves_backward(node)) continue;
    const OpDef& op = ops[node->op];
    Node* const* inputs = node->inputs();
    if (node->has(kRecompute)) {  // backward starts anew from what enters the checkpoint
      for (int i = 0; i < node->num_inputs; ++i) {
        if (!inputs[i]->has(kRecompute)) keep_[inputs[i]->slot] = 1;
      }
      continue;
    }
    if (op.saves_output) keep_[node->slot] = 1;
    int shift = node->has(kImmediateLeft) ? 1 : 0;
    for (int i = 0; i < node->num_inputs; ++i) {
      int bit = i + shift < 31 ? i + shift : 31;
      if (op.saved_inputs >> bit & 1) keep_[inputs[i]->slot] = 1;
    }
  }
  // A projection has no other source than its node's kernel: once the node has a value, nobody could compute it.
  if (!has_projections_) return;
  for (Node* node : order) {
    if (node->value || !keep_[node->slot] || !node->has(kMultiOutput)) continue;
    for (Node* projection : node->record()->projections) {
      if (projection && !projection->value) keep_[projection->slot] = 1;
    }
  }
}

void Trace::make_key(u64 options) {
  const Registry& ops = registry();
  u64 h = options;
  if (words_.size() < most_words_) words_.resize(2 * most_words_);
  u64* word = words_.data();
  *word++ = options;
  const u8* keeps = keep_.data();  // in the order of the nodes
  for (Node* node : order) {
    const u64 keep = *keeps++;
    u64 head = static_cast<u64>(node->dtype) << 16 | static_cast<u64>(node->ndim) << 24;
    const i64* dims = node->dims();
    if (node->value) {
      const Shape* strides = node->value->strides;
      head |= 0xffff | static_cast<u64>(strides != nullptr) << 63;
      *word++ = head;
      for (int i = 0; i < node->ndim; ++i) *word++ = static_cast<u64>(dims[i]);
      for (int i = 0; strides && i < node->ndim; ++i) *word++ = static_cast<u64>((*strides)[i]);
      h = mix(h ^ node->hash, head);
      continue;
    }
    if (keep) kept.push_back(node);
    int num_inputs = node->num_inputs;
    int num_params = node->has(kImmediate) ? 1 : ops[node->op].num_params;
    int num_attrs = kInlineAttrs;
    if (node->has(kLongAttrs)) num_attrs = static_cast<int>(node->record()->count);
    else if (!num_params && !(node->attr[0] | node->attr[1])) num_attrs = 0;  // most ops have none
    head |= node->op | static_cast<u64>(num_inputs) << 32 | static_cast<u64>(node->flags & kImmediate) << 48 |
            static_cast<u64>(num_attrs != 0) << 62 | keep << 63;
    *word++ = head;
    for (int i = 0; i < node->ndim; ++i) *word++ = static_cast<u64>(dims[i]);
    // Two edges a word. The first pair joins the hash with the node, by a product that waits for no other node.
    Node* const* inputs = node->inputs();
    auto pair = [&](int i) {
      return *word++ = inputs[i]->slot | (i + 1 < num_inputs ? static_cast<u64>(inputs[i + 1]->slot) << 32 : 0);
    };
    h = mix(h ^ node->hash, head + (num_inputs ? pair(0) * 0x9FB21C651E98DF25ull : 0));
    for (int i = 2; i < num_inputs; i += 2) h = mix(h, pair(i));
    const i64* attrs = node->attrs();
    for (int i = 0; i < num_params; ++i) params.push_back(static_cast<u64>(attrs[i]));
    for (int i = num_params; i < num_attrs; ++i) *word++ = static_cast<u64>(attrs[i]);
  }
  num_words_ = static_cast<std::size_t>(word - words_.data());
  hash = mix(h, order.size());
}

void Trace::walk(Node* const* roots, std::size_t count, u64 options) {
  order.clear();
  leaves.clear();
  kept.clear();
  params.clear();
  stack_.clear();
  most_words_ = 1;
  has_history = running = has_projections_ = false;
  u32 epoch = next_epoch();
  for (std::size_t r = 0; r < count; ++r) visit(roots[r], epoch);
  mark_kept(roots, count);
  make_key(options);
}

}  // namespace pyflame::runtime
