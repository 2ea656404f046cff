#include "graph/apply.h"

#include <cstring>

#include "base/error.h"
#include "graph/line.h"

namespace pyflame::graph {

Hooks hooks;
u32 recording_line = 0;

namespace {

thread_local bool t_grad_enabled = true;
thread_local int t_autocast = -1;  // dtype, or -1: off

u64 mix(u64 a, u64 b) {
  __uint128_t product = static_cast<__uint128_t>(a ^ 0x9E3779B97F4A7C15ull) * (b ^ 0xD6E8FEB86659FD93ull);
  return static_cast<u64>(product) ^ static_cast<u64>(product >> 64);
}

u64 header(const Node* node, u16 op) {
  return op | static_cast<u64>(node->dtype) << 16 | static_cast<u64>(node->ndim) << 24 |
         static_cast<u64>(node->num_inputs) << 32 | static_cast<u64>(node->layout) << 48;
}

inline u64 hash_dims(const Node* node, u64 hash) {
  const i64* dims = node->dims();
  int i = 0;
  for (; i + 1 < node->ndim; i += 2) hash = mix(hash ^ static_cast<u64>(dims[i]), static_cast<u64>(dims[i + 1]));
  return i < node->ndim ? mix(hash ^ static_cast<u64>(dims[i]), 7) : hash;
}

void finish(Node* node, const OpDef& op) {
  u64 hash = hash_dims(node, header(node, node->op) + (node->flags & kImmediate) * 0x9FB21C651E98DF25ull);
  if (node->has(kLongAttrs)) {
    const AttrRecord* record = node->record();
    for (u32 i = static_cast<u32>(op.num_params); i < record->count; ++i) hash = mix(hash, static_cast<u64>(record->words[i]));
  } else if (!node->has(kImmediate)) {  // whose number is a parameter
    u64 first = op.num_params ? 0 : static_cast<u64>(node->attr[0]), second = op.num_params > 1 ? 0 : static_cast<u64>(node->attr[1]);
    if (first | second) hash = mix(hash ^ first, second);
  }
  node->hash = hash;
  u16 depth = 0;
  Node* const* inputs = node->inputs();
  for (int i = 0; i < node->num_inputs; ++i) {
    if (inputs[i] && inputs[i]->depth > depth) depth = inputs[i]->depth;
  }
  node->depth = depth == 0xffff ? depth : static_cast<u16>(depth + 1);
  if (!node->location) node->location = recording_line ? recording_line : current_line();
}

// Only after the caller holds a counted reference: the hook may evaluate the node.
Var recorded(Node* node) {
  if (__builtin_expect(node->depth >= hooks.recorded_depth, 0) && hooks.recorded) {
    Var var = Var::steal(node);
    RecordingLine line(0);
    hooks.recorded(node);
    return var;
  }
  return Var::steal(node);
}

[[gnu::noinline, gnu::cold]] void check_inference(const OpDef& op, Node* const* inputs, int count) {
  for (int i = 0; i < count; ++i) {
    if (!inputs[i]->has(kInference) || !(op.saved_inputs >> (i < 31 ? i : 31) & 1)) continue;
    runtime_error("[" + std::string(op.name) + "] input " + std::to_string(i) +
                  " was made in inference mode, but the gradient needs it: clone() it outside, or use no_grad() instead");
  }
}

// Whether gradients of the result are wanted. Flags come first: the mode of the thread is the dearer question.
inline bool records_grad(const OpDef& op, Node* const* inputs, int count) {
  u16 flags = 0;
  for (int i = 0; i < count; ++i) flags |= inputs[i] ? inputs[i]->flags : 0;
  if (!(flags & kRequiresGrad) || !t_grad_enabled) return false;
  if (__builtin_expect(flags & kInference, 0)) check_inference(op, inputs, count);
  return true;
}

Node* begin(const OpDef& op, DType dtype) {
  Node* node = allocate_node();
  node->op = op.id;
  node->dtype = dtype;
  return node;
}

void mark_grad(Node* node, const OpDef& op, Node* const* inputs, int count) {
  if (is_floating(node->dtype) && records_grad(op, inputs, count)) node->flags |= kRequiresGrad;
}

Var cast_to(Node* x, DType dtype) {
  static const OpDef& cast = registry().at("cast");
  i64 word = static_cast<i64>(dtype);
  return apply(cast, &x, 1, &word, 1);
}

// A node with the shape of its one tensor operand.
Node* finish_like(const OpDef& op, DType dtype, Node* x, u16 immediate = 0, i64 word = 0) {
  Node* node = begin(op, op.dtype_rule ? op.dtype_rule(Call{op, &x, 1, nullptr}) : dtype);
  node->in[0] = x;
  x->retain();
  node->num_inputs = 1;
  node->flags = immediate;
  node->attr[0] = word;
  node->layout = x->layout;
  if (x->ndim <= kInlineDims) {
    node->ndim = x->ndim;
    std::memcpy(node->dim, x->dim, sizeof node->dim);
  } else {
    set_dims(node, x->shape());
  }
  mark_grad(node, op, &x, 1);
  finish(node, op);
  return node;
}

// Nearly every shape is small enough to need no look at its product.
inline void check_size(const char* op, const Shape& shape) {
  u64 any = 0;
  for (i64 extent : shape) any |= static_cast<u64>(extent);
  if (__builtin_expect(shape.ndim > kInlineDims || any >= 4096, 0)) check_shape(op, shape);
}

[[noreturn]] void wrong_count(const OpDef& op, int count) {
  type_error("[" + std::string(op.name) + "] takes " + std::to_string(op.input_names.size()) + " tensors, got " +
             std::to_string(count));
}

// Whether the result of a broadcast has the shape of `a`: b has it too, or repeats along its first dimensions.
bool covers(const Node* a, const Node* b) {
  if (a->ndim > kInlineDims || b->ndim > a->ndim) return false;
  const i64* tail = a->dim + (a->ndim - b->ndim);
  for (int i = 0; i < b->ndim; ++i) {
    if (tail[i] != b->dim[i]) return false;
  }
  return true;
}

// The layout of the result; inputs that do not fit it are replaced in `nodes` by explicit to_layout nodes.
u16 infer_layout(const OpDef& op, Node** nodes, int count, const i64* attrs, const Shape& shape, std::vector<Var>* keep) {
  u16 any = 0;
  for (int i = 0; i < count; ++i) any |= nodes[i]->layout;
  if (__builtin_expect(!any || !hooks.layout, 1)) return 0;
  return hooks.layout(Call{op, nodes, count, attrs}, shape, nodes, keep);
}

}  // namespace

bool grad_enabled() { return t_grad_enabled; }
bool set_grad_enabled(bool enabled) {
  bool previous = t_grad_enabled;
  t_grad_enabled = enabled;
  return previous;
}

int autocast_dtype() { return t_autocast; }
int set_autocast(int dtype) {
  int previous = t_autocast;
  t_autocast = dtype;
  return previous;
}

DType result_dtype(Node* const* inputs, int count, u32 mask) {
  bool have_dims = false, have_zero = false;
  DType with_dims = DType::kBool, zero_dims = DType::kBool;
  for (int i = 0; i < count; ++i) {
    if (!(mask >> (i < 31 ? i : 31) & 1)) continue;
    const Node* node = inputs[i];
    bool& have = node->ndim ? have_dims : have_zero;
    DType& slot = node->ndim ? with_dims : zero_dims;
    slot = have ? promote_types(slot, node->dtype) : node->dtype;
    have = true;
  }
  if (!have_dims) return zero_dims;
  return have_zero ? promote_ranked(with_dims, zero_dims) : with_dims;
}

Var make_leaf(DType dtype, const Shape& shape, Buffer* buffer, i64 offset, const Shape* strides) {
  static const OpDef& leaf = registry().at("leaf");
  Node* node = begin(leaf, dtype);
  set_dims(node, shape);
  node->value = make_value(buffer, offset, strides);
  rehash(node);
  return recorded(node);
}

void rehash(Node* node) {
  u64 hash = hash_dims(node, mix(header(node, 0xffff), 1));
  if (node->value->strides) {
    for (i64 stride : *node->value->strides) hash = mix(hash, static_cast<u64>(stride));
  }
  node->hash = hash;
}

Var make_input(DType dtype, const Shape& shape) {
  static const OpDef& input = registry().at("input");
  Node* node = begin(input, dtype);
  set_dims(node, shape);
  finish(node, input);
  return Var::steal(node);
}

Var copy_node(const Node* source, Node* const* inputs) {
  const OpDef& op = registry()[source->op];
  Node* node = begin(op, source->dtype);
  Var var = Var::steal(node);
  set_dims(node, source->shape());
  set_attrs(node, source->attrs(), source->has(kLongAttrs) ? static_cast<int>(source->record()->count) : kInlineAttrs);
  set_inputs(node, inputs, source->num_inputs);
  node->flags |= source->flags & kImmediate;
  if (source->has(kMultiOutput)) make_multi_output(node);
  if (source->has(kRequiresGrad) && records_grad(op, inputs, source->num_inputs)) node->flags |= kRequiresGrad;
  node->layout = source->layout;
  finish(node, op);
  node->location = source->location;
  return var;
}

bool is_input(const Node* node) {
  static const OpId id = registry().at("input").id;
  return node->op == id;
}

void materialise(Node* node, Value* value) {
  node->value = value;
  node->depth = 0;
  bool has_history = node->has(kRequiresGrad) && !node->has(kGradLeaf | kHistoryFreed);
  if (!has_history && !hooks.keep_edges) drop_inputs(node);
  rehash(node);
}

Var apply_unary(const OpDef& op, Node* x) {
  DType dtype = x->dtype;
  Var converted;
  if (op.promotes_to_float && !is_floating(dtype)) {
    dtype = default_dtype();
    converted = cast_to(x, dtype);
    x = converted.get();
  }
  if (__builtin_expect(!(op.dtypes & dtype_bit(dtype)), 0)) check_dtype(op, dtype);
  return recorded(finish_like(op, dtype, x));
}

Var apply_binary(const OpDef& op, Node* a, Node* b) {
  Var converted_a, converted_b;
  DType dtype = a->dtype;
  Node* pair[2] = {a, b};
  if (a->dtype != b->dtype || (op.promotes_to_float && !is_floating(dtype))) {
    if (op.refuses_bool && (a->dtype == DType::kBool || b->dtype == DType::kBool)) check_dtype(op, DType::kBool);
    dtype = result_dtype(pair, 2, 3);
    if (op.promotes_to_float && !is_floating(dtype)) dtype = default_dtype();
    if (a->dtype != dtype) converted_a = cast_to(a, dtype), pair[0] = a = converted_a.get();
    if (b->dtype != dtype) converted_b = cast_to(b, dtype), pair[1] = b = converted_b.get();
  }
  if (__builtin_expect(!(op.dtypes & dtype_bit(dtype)), 0)) check_dtype(op, dtype);
  const Node* like = covers(a, b) ? a : covers(b, a) ? b : nullptr;
  Shape shape;
  if (!like) shape = broadcast_shapes(op.name, a->shape(), b->shape());
  u16 layout = 0;
  std::vector<Var> keep;
  if (__builtin_expect(a->layout | b->layout, 0)) {
    layout = infer_layout(op, pair, 2, nullptr, like ? like->shape() : shape, &keep);
  }
  Node* node = begin(op, op.dtype_rule ? op.dtype_rule(Call{op, pair, 2, nullptr}) : dtype);
  if (like) {
    node->ndim = like->ndim;
    std::memcpy(node->dim, like->dim, sizeof node->dim);
  } else {
    set_dims(node, shape);
  }
  node->in[0] = pair[0];
  node->in[1] = pair[1];
  pair[0]->retain();
  pair[1]->retain();
  node->num_inputs = 2;
  node->layout = layout;
  mark_grad(node, op, pair, 2);
  finish(node, op);
  return recorded(node);
}

Var apply_scalar(const OpDef& op, Node* x, const Scalar& scalar, bool scalar_on_left) {
  if (op.refuses_bool && (x->dtype == DType::kBool || scalar.category == Category::kBool)) check_dtype(op, DType::kBool);
  DType dtype = promote_ranked(x->dtype, scalar_dtype(scalar));
  if (op.promotes_to_float && !is_floating(dtype)) dtype = default_dtype();
  Var converted;
  if (x->dtype != dtype) converted = cast_to(x, dtype), x = converted.get();
  if (__builtin_expect(!(op.dtypes & dtype_bit(dtype)), 0)) check_dtype(op, dtype);
  i64 word = scalar.integer;
  if (is_floating(dtype)) std::memcpy(&word, &scalar.real, sizeof word);
  return recorded(finish_like(op, dtype, x, scalar_on_left ? kImmediateLeft : kImmediateRight, word));
}

namespace {

// A view of an evaluated tensor needs no node to compute it: it is another window on the same buffer. This also keeps
// the offset of a slice out of the structure, so that walking over batches finds the same plan.
Var view_of_value(const OpDef& op, Node* x, const i64* attrs, const OutputSpec& spec) {
  i64 offset = x->value->offset;
  Shape in_shape = x->shape(), strides;
  Shape in_strides = x->value->strides ? *x->value->strides : contiguous_strides(in_shape);
  if (!op.view_rule(attrs, in_shape, in_strides, spec.shape, &offset, &strides)) return Var();
  x->value->buffer->retain();
  return make_leaf(spec.dtype, spec.shape, x->value->buffer, offset,
                   is_contiguous(spec.shape, strides) ? nullptr : &strides);
}

// The most frequent view, another shape of a value that lies in order, needs no rule but that of its shape.
bool only_reshapes(const OpDef& op, Node* x) {
  return x->value && !x->value->strides && !x->layout && !hooks.keep_edges && !records_grad(op, &x, 1);
}
Var reshaped(const OpDef& op, Node* x, const i64* attrs) {
  Shape shape = op.shape_rule(Call{op, &x, 1, attrs});
  check_shape(op.name, shape);
  x->value->buffer->retain();
  return make_leaf(x->dtype, shape, x->value->buffer, x->value->offset, nullptr);
}

// Inputs in the precision that autocast wants for the op; `held` owns what is converted.
std::vector<Node*> autocast_inputs(const OpDef& op, Node* const* inputs, int count, std::vector<Var>& held) {
  DType wanted = op.autocast == Autocast::kLower ? static_cast<DType>(t_autocast) : DType::kFloat32;
  std::vector<Node*> nodes(inputs, inputs + count);
  for (Node*& node : nodes) {
    if (!is_floating(node->dtype) || node->dtype == DType::kFloat64 || node->dtype == wanted) continue;
    held.push_back(cast_to(node, wanted));
    node = held.back().get();
  }
  return nodes;
}

bool one_dtype(Node* const* inputs, int count) {
  for (int i = 1; i < count; ++i) {
    if (inputs[i]->dtype != inputs[0]->dtype) return false;
  }
  return true;
}

// The general path: checks, promotion, rules, layout. Reports every output's dtype and shape.
Var record(const OpDef& op, Node* const* inputs, int count, const i64* attrs, int num_attrs, OutputSpec* specs, int* num_outputs) {
  if (!op.is_variadic && count != static_cast<int>(op.input_names.size())) wrong_count(op, count);
  if (op.check_rule) op.check_rule(Call{op, inputs, count, attrs});
  constexpr int kFew = 8;  // nearly every op: no allocation for the list of inputs
  Node* few[kFew];
  std::vector<Node*> many;
  if (__builtin_expect(count > kFew, 0)) many.resize(static_cast<std::size_t>(count));
  Node** nodes = count > kFew ? many.data() : few;
  for (int i = 0; i < count; ++i) nodes[i] = inputs[i];
  std::vector<Var> keep;
  if (count > 0 && op.promoted) {
    DType dtype = one_dtype(inputs, count) ? inputs[0]->dtype : result_dtype(inputs, count, op.promoted);
    if (op.promotes_to_float && !is_floating(dtype)) dtype = default_dtype();
    for (int i = 0; i < count; ++i) {
      if (nodes[i]->dtype == dtype || !(op.promoted >> (i < 31 ? i : 31) & 1)) continue;
      keep.push_back(cast_to(nodes[i], dtype));
      nodes[i] = keep.back().get();
    }
    if (__builtin_expect(!(op.dtypes & dtype_bit(dtype)), 0)) check_dtype(op, dtype);
  }
  Call call{op, nodes, count, attrs};
  *num_outputs = 1;
  if (op.outputs_rule) {
    *num_outputs = op.outputs_rule(call, specs);
  } else {
    new (&specs[0].shape) Shape(op.shape_rule(call));  // made in place: assigning would copy it
    specs[0].dtype = op.dtype_rule ? op.dtype_rule(call) : count == 0 ? default_dtype() : nodes[0]->dtype;
  }
  check_size(op.name, specs[0].shape);
  u16 layout = op.sets_layout ? static_cast<u16>(attrs[0])
                              : infer_layout(op, nodes, count, attrs, specs[0].shape, &keep);
  bool wanted = records_grad(op, nodes, count);
  bool shortcut = op.view_rule && !op.orders && nodes[0]->value && !hooks.keep_edges;
  if (shortcut && !wanted) {
    Var view = view_of_value(op, nodes[0], attrs, specs[0]);
    if (view && layout) {
      view->layout = layout;
      rehash(view.get());
    }
    if (view) return view;
  }
  Var var = Var::steal(begin(op, specs[0].dtype));
  Node* node = var.get();
  set_dims(node, specs[0].shape);
  set_attrs(node, attrs, num_attrs);
  set_inputs(node, nodes, count);
  node->layout = layout;
  for (int k = 0; wanted && k < *num_outputs; ++k) {
    if (is_floating(specs[k].dtype)) node->flags |= kRequiresGrad;
  }
  if (op.outputs_rule) make_multi_output(node);
  finish(node, op);
  return var;
}

// record() under autocast.
Var record_cast(const OpDef& op, Node* const* inputs, int count, const i64* attrs, int num_attrs, OutputSpec* specs, int* num_outputs) {
  if (op.autocast == Autocast::kKeep || __builtin_expect(t_autocast < 0, 1)) {
    return record(op, inputs, count, attrs, num_attrs, specs, num_outputs);
  }
  std::vector<Var> held;
  return record(op, autocast_inputs(op, inputs, count, held).data(), count, attrs, num_attrs, specs, num_outputs);
}

Var projection(Node* parent, int k, const OutputSpec& spec) {
  static const OpDef& output = registry().at("output");
  Node* node = begin(output, spec.dtype);
  set_dims(node, spec.shape);
  set_inputs(node, &parent, 1);
  node->attr[0] = k;
  if (parent->has(kRequiresGrad) && is_floating(node->dtype)) node->flags |= kRequiresGrad;
  node->layout = parent->layout;
  node->location = parent->location;
  finish(node, output);
  parent->record()->projections[k - 1] = node;
  return Var::steal(node);
}

}  // namespace

Var apply(const OpDef& op, Node* const* inputs, int count, const i64* attrs, int num_attrs) {
  if (op.tile_op >= 0 && !op.shape_rule && num_attrs == 0) {
    if (count != static_cast<int>(op.input_names.size())) wrong_count(op, count);
    return count == 1 ? apply_unary(op, inputs[0]) : apply_binary(op, inputs[0], inputs[1]);
  }
  if (op.keeps_order && count == 1 && only_reshapes(op, inputs[0])) return reshaped(op, inputs[0], attrs);
  OutputSpec specs[kMaxOutputs];
  int num_outputs;
  return recorded(record_cast(op, inputs, count, attrs, num_attrs, specs, &num_outputs).detach());
}

Var output_of(Node* node, int k) {
  if (k == 0) return Var(node);
  if (Node* living = node->record()->projections[k - 1]) return Var(living);
  if (node->value) return Var();
  const OpDef& op = registry()[node->op];
  OutputSpec specs[kMaxOutputs];
  op.outputs_rule(Call{op, node->inputs(), node->num_inputs, node->attrs()}, specs);
  return projection(node, k, specs[k]);
}

int apply_multi(const OpDef& op, Node* const* inputs, int count, const i64* attrs, int num_attrs, Var* outputs) {
  OutputSpec specs[kMaxOutputs];
  int num_outputs;
  outputs[0] = record_cast(op, inputs, count, attrs, num_attrs, specs, &num_outputs);
  for (int k = 1; k < num_outputs; ++k) outputs[k] = projection(outputs[0].get(), k, specs[k]);
  outputs[0] = recorded(outputs[0].detach());  // only now: evaluating it fills the projections too
  return num_outputs;
}

}  // namespace pyflame::graph
