// Recording: from an op and its inputs to a new node. Shape and dtype are computed here and nowhere else.
#pragma once
#include "graph/opdef.h"

namespace pyflame::graph {

// A Python number on its way into the graph.
struct Scalar {
  Category category;
  double real;
  i64 integer;
};
inline DType scalar_dtype(const Scalar& scalar) {
  return scalar.category == Category::kFloat ? default_dtype()
         : scalar.category == Category::kInteger ? DType::kInt64 : DType::kBool;
}

// Runs the checks and rules of `op` and returns the node of its first output. `attrs` are words, parameters first.
Var apply(const OpDef& op, Node* const* inputs, int count, const i64* attrs = nullptr, int num_attrs = 0);
inline Var apply(const OpDef& op, std::initializer_list<Var> inputs, std::initializer_list<i64> attrs = {}) {
  Node* nodes[8];
  int n = 0;
  for (const Var& var : inputs) nodes[n++] = var.get();
  return apply(op, nodes, n, attrs.begin(), static_cast<int>(attrs.size()));
}
// Records an op with several outputs into outputs[kMaxOutputs]; returns how many there are.
int apply_multi(const OpDef& op, Node* const* inputs, int count, const i64* attrs, int num_attrs, Var* outputs);
inline std::vector<Var> apply_multi(const OpDef& op, Node* const* inputs, int count, const i64* attrs, int num_attrs) {
  Var outputs[kMaxOutputs];
  int num_outputs = apply_multi(op, inputs, count, attrs, num_attrs, outputs);
  return std::vector<Var>(outputs, outputs + num_outputs);
}
// Output k of a recorded node: the living projection, or a new one while the node is pending; empty when neither is.
Var output_of(Node* node, int k);

// Elementwise fast paths: records of the tables in base/elementwise.def.
Var apply_unary(const OpDef& op, Node* x);
Var apply_binary(const OpDef& op, Node* a, Node* b);
Var apply_scalar(const OpDef& op, Node* x, const Scalar& scalar, bool scalar_on_left);

// An evaluated node holding `buffer` (takes over one count). strides == nullptr: contiguous.
Var make_leaf(DType dtype, const Shape& shape, Buffer* buffer, i64 offset = 0, const Shape* strides = nullptr);
// A named place for a value, as tracing makes them: it can be recorded on but never evaluated.
Var make_input(DType dtype, const Shape& shape);
bool is_input(const Node* node);
// The same op and attributes (parameters too, so random draws repeat) on other inputs; stays pending.
Var copy_node(const Node* source, Node* const* inputs);
// Turns a pending node into an evaluated one: takes over `value`, drops edges nobody needs for gradients.
void materialise(Node* node, Value* value);
void rehash(Node* node);

// Promotion of tensors and scalars, by PyTorch's ranks: dimensioned tensor > 0-d tensor > scalar.
DType result_dtype(Node* const* inputs, int count, u32 mask);

// Thread-local grad mode.
bool grad_enabled();
bool set_grad_enabled(bool enabled);  // returns the previous mode

// Thread-local: the dtype that ops of Autocast::kLower compute in, or -1.
int autocast_dtype();
int set_autocast(int dtype);  // returns the previous one

// What the layers above plug into recording. All may be empty.
struct Hooks {
  u32 (*location)() = nullptr;           // id of the user's source line
  void (*recorded)(Node*) = nullptr;     // eager mode and the graph limit: may evaluate the node at once
  // Some input carries a layout: returns the result's; replaces inputs by converted ones, which it adds to `keep`.
  u16 (*layout)(const Call&, const Shape& out, Node** inputs, std::vector<Var>* keep) = nullptr;
  std::string (*source_line)(u32 location) = nullptr;  // "file:line" of the user's code; empty when unknown
  // Gradients of `wrt` from those of `outputs`, recorded so that they can be differentiated again; nothing below `wrt` is
  // looked at. Empty where there is none.
  std::vector<Var> (*differentiate)(const std::vector<Var>& outputs, const std::vector<Var>& gradients,
                                    const std::vector<Var>& wrt) = nullptr;
  u16 recorded_depth = 0xffff;           // call `recorded` only from this depth on; 0: always
  bool keep_edges = false;               // evaluated nodes keep their inputs: provenance for debugging, at their memory's cost
};
extern Hooks hooks;

}  // namespace pyflame::graph
