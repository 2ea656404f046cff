// A node of the lazy graph: 128 bytes, two cache lines. The first line is all that traversal and release touch.
//
// A node is pending (no value), or evaluated (value set). An evaluated node has dropped its input edges unless
// autograd still needs them. Nodes are created, linked and freed under the GIL, so counts are plain integers.
#pragma once
#include "base/buffer.h"
#include "base/shape.h"

namespace pyflame::graph {

using OpId = u16;
inline constexpr int kInlineInputs = 3;
inline constexpr int kInlineDims = 5;
inline constexpr int kInlineAttrs = 2;
inline constexpr int kMaxOutputs = 4;

enum NodeFlag : u16 {
  kRequiresGrad = 1 << 0,    // on a path from a tensor that requires grad
  kGradLeaf = 1 << 1,        // gradients stop (and accumulate) here
  kHistoryFreed = 1 << 2,    // backward has consumed the edges: a second backward is an error
  kImmediateLeft = 1 << 3,   // binary op whose left operand is the Python scalar in attr[0]
  kImmediateRight = 1 << 4,
  kLongAttrs = 1 << 5,       // attr[0] points to an AttrRecord
  kMultiOutput = 1 << 6,     // further outputs are projection nodes, listed in the AttrRecord
  kRunning = 1 << 7,         // being computed by a thread that has released the GIL
  kOwned = 1 << 8,           // a Python handle registered itself as the place for the gradient
  kRetainGrad = 1 << 9,      // keep the gradient of this intermediate
  kAttached = 1 << 10,       // bindings keep something for the node: hooks, or a function's backward
  kRecompute = 1 << 11,      // recorded in a checkpoint: backward computes it anew instead of keeping it
  kInference = 1 << 12,      // recorded in inference mode: no backward may read it
  kOverwritten = 1 << 13,    // the tensor it was the value of has been changed in place since
  kUndo = 1 << 14,           // held once more, by what an optimizer goes back to when its step fails
};
inline constexpr u16 kImmediate = kImmediateLeft | kImmediateRight;

// Where the elements of an evaluated node are. Several values may share a buffer (views).
struct Value {
  Buffer* buffer;
  i64 offset;      // elements
  Shape* strides;  // nullptr: contiguous
};
Value* make_value(Buffer* buffer, i64 offset, const Shape* strides);  // takes over one count of the buffer
void free_value(Value* value);

struct Node;

// Attributes beyond two words, and the live projections of a node with several outputs.
struct AttrRecord {
  u32 count;
  Node* projections[kMaxOutputs - 1];  // not counted; a projection clears its entry when it lets go of the node
  i64 words[1];
};

struct alignas(64) Node {
  u32 refs;
  OpId op;
  DType dtype;
  u8 ndim;
  u16 num_inputs;
  u16 flags;
  u32 location;  // id of the source line, see location.h
  u32 mark;      // epoch of the last traversal that met the node
  u32 slot;      // its position in that traversal
  u32 uses;      // edges to it inside that traversal
  u16 depth;     // longest chain of pending nodes below, saturating
  u16 layout;    // id of the MeshLayout, 0: none stated
  u64 hash;      // of everything but inputs and parameters
  Node* in[kInlineInputs];

  Value* value;
  i64 dim[kInlineDims];
  i64 attr[kInlineAttrs];

  Node* const* inputs() const { return num_inputs <= kInlineInputs ? in : reinterpret_cast<Node* const*>(in[0]); }
  const i64* dims() const { return ndim <= kInlineDims ? dim : reinterpret_cast<const i64*>(dim[0]); }
  Shape shape() const {
    if (__builtin_expect(ndim > kInlineDims, 0)) return Shape(dims(), ndim);
    Shape result;  // a copy of fixed size is two moves, one of `ndim` words a call
    std::memcpy(result.dims, dim, sizeof dim);
    result.ndim = ndim;
    return result;
  }
  i64 numel() const {
    const i64* d = dims();
    i64 n = 1;
    for (int i = 0; i < ndim; ++i) n *= d[i];
    return n;
  }
  bool has(u16 mask) const { return flags & mask; }
  AttrRecord* record() const { return reinterpret_cast<AttrRecord*>(attr[0]); }
  const i64* attrs() const { return has(kLongAttrs) ? record()->words : attr; }
  void retain() { ++refs; }
};
static_assert(sizeof(Node) == 128, "a node is two cache lines");

inline bool same_shape(const Node& a, const Node& b) {
  if (a.ndim != b.ndim) return false;
  const i64 *x = a.dims(), *y = b.dims();
  for (int i = 0; i < a.ndim; ++i) {
    if (x[i] != y[i]) return false;
  }
  return true;
}

Node* allocate_node();
void free_node(Node* node);     // count has reached zero; releases what only it held, in a loop
void drop_inputs(Node* node);   // releases the input edges of a node that stays
extern void (*owned_node_freed)(Node* node);  // told of nodes with kOwned
inline void release(Node* node) {
  if (--node->refs == 0) free_node(node);
}

// Out of line: what does not fit the node.
void set_many_dims(Node* node, const Shape& shape);
void set_many_inputs(Node* node, Node* const* inputs, int count);
void set_many_attrs(Node* node, const i64* words, int count);

inline void set_dims(Node* node, const Shape& shape) {
  if (__builtin_expect(shape.ndim > kInlineDims, 0)) return set_many_dims(node, shape);
  node->ndim = static_cast<u8>(shape.ndim);
  for (int i = 0; i < shape.ndim; ++i) node->dim[i] = shape[i];
}
inline void set_inputs(Node* node, Node* const* inputs, int count) {  // counts each input
  if (__builtin_expect(count > kInlineInputs, 0)) return set_many_inputs(node, inputs, count);
  for (int i = 0; i < count; ++i) {
    node->in[i] = inputs[i];
    if (inputs[i]) inputs[i]->retain();
  }
  node->num_inputs = static_cast<u16>(count);
}
inline void set_attrs(Node* node, const i64* words, int count) {  // params are the leading words
  if (count > kInlineAttrs) return set_many_attrs(node, words, count);
  for (int i = 0; i < count; ++i) node->attr[i] = words[i];
}
void make_multi_output(Node* node);  // forces an AttrRecord

struct GraphStats {
  i64 live_nodes = 0, pooled_nodes = 0;
};
GraphStats& graph_stats();

u32 next_epoch();  // for `mark`

extern void (*attachment_freed)(Node*);  // called for kAttached nodes before they go; may run any code

// A counted reference: what rules, gradients and bindings pass around.
class Var {
 public:
  Var() = default;
  explicit Var(Node* node) : node_(node) {
    if (node_) node_->retain();
  }
  static Var steal(Node* node) {
    Var var;
    var.node_ = node;
    return var;
  }
  Var(const Var& other) : Var(other.node_) {}
  Var(Var&& other) noexcept : node_(other.node_) { other.node_ = nullptr; }
  Var& operator=(Var other) noexcept {
    Node* old = node_;
    node_ = other.node_;
    other.node_ = old;
    return *this;
  }
  ~Var() {
    if (node_) release(node_);
  }
  Node* get() const { return node_; }
  Node* operator->() const { return node_; }
  explicit operator bool() const { return node_ != nullptr; }
  Node* detach() {
    Node* node = node_;
    node_ = nullptr;
    return node;
  }

 private:
  Node* node_ = nullptr;
};

}  // namespace pyflame::graph
