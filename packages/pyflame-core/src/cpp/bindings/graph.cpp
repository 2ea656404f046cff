// The registry as Python sees it, export of pending graphs, source lines, and the layout hook.
#include <pybind11/stl.h>

#include <cstring>
#include <unordered_map>

#include "base/error.h"
#include "bindings/host.h"
#include "bindings/location.h"
#include "bindings/register.h"
#include "bindings/storage.h"
#include "bindings/tensor_type.h"
#include "ops/host.h"
#include "runtime/composite.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace pyflame::bindings {

namespace {

using graph::AttrKind;
using graph::OpDef;
using graph::OpId;
using graph::registry;

const char* kind_name(AttrKind kind) {
  constexpr const char* names[] = {"int", "bool", "float", "dtype", "ints", "dim", "dims", "int", "float", "scalar"};
  return names[static_cast<int>(kind)];
}

double bits_to_double(i64 word) {
  double value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

py::object number(DType dtype, i64 word) {
  if (is_floating(dtype)) return py::float_(bits_to_double(word));
  if (dtype == DType::kBool) return py::bool_(word != 0);
  return py::int_(word);
}

// Attribute words as Python values by name. `dtype` is the result's: scalars are stored by its category.
py::dict attributes(const OpDef& op, const i64* word, DType dtype) {
  py::dict result;
  for (const graph::AttrDef& attr : op.attr_defs) {
    py::object value;
    switch (attr.kind) {
      case AttrKind::kInts: {
        py::tuple list(static_cast<std::size_t>(*word));
        for (i64 i = 0; i < *word; ++i) list[static_cast<std::size_t>(i)] = word[1 + i];
        word += *word;
        value = list;
        break;
      }
      case AttrKind::kDims: {
        py::list dims;
        for (int d = 0; d < kMaxDims; ++d) {
          if (*word >> d & 1) dims.append(d);
        }
        value = py::tuple(dims);
        break;
      }
      case AttrKind::kDim: value = *word == graph::kNoDim ? py::object(py::none()) : py::int_(*word); break;
      case AttrKind::kBool: value = py::bool_(*word != 0); break;
      case AttrKind::kFloat:
      case AttrKind::kParamFloat: value = py::float_(bits_to_double(*word)); break;
      case AttrKind::kDType:
        value = *word < 0 ? py::object(py::none()) : py::reinterpret_borrow<py::object>(dtype_objects[*word]);
        break;
      case AttrKind::kScalar: value = number(dtype, *word); break;
      case AttrKind::kInt:
      case AttrKind::kParamInt: value = py::int_(*word); break;
    }
    result[attr.name] = value;
    ++word;
  }
  return result;
}

py::tuple dims_of(const Node* node) {
  py::tuple dims(node->ndim);
  for (int i = 0; i < node->ndim; ++i) dims[static_cast<std::size_t>(i)] = node->dims()[i];
  return dims;
}

py::object dtype_of(DType dtype) { return py::reinterpret_borrow<py::object>(dtype_objects[static_cast<int>(dtype)]); }

// Exports the pending graph below some tensors. With `provenance`, evaluated nodes that kept their edges (in debug mode)
// are followed too. Records are tuples
//   (op, inputs, attrs, outputs, layout, location, handle)
// with inputs as (record, output index), outputs as (dtype, shape) and a handle for leaves and traced inputs.
class Exporter {
 public:
  explicit Exporter(bool provenance) : provenance_(provenance && graph::hooks.keep_edges) {}

  py::tuple run(const std::vector<Var>& outputs) {
    for (const Var& output : outputs) visit(shown(output.get()));
    py::list ends;
    for (const Var& output : outputs) ends.append(value_of(shown(output.get())));
    return py::make_tuple(records_, ends);
  }

 private:
  bool follows(const Node* node) const { return !node->value || (provenance_ && node->num_inputs > 0); }
  static bool is(const Node* node, const char* name) { return std::strcmp(registry()[node->op].name, name) == 0; }

  // A named call shows as one node: what was recorded inside is not followed.
  static int first_operand(const Node* node) { return ops::num_results(registry()[node->op], node->attrs()); }

  // The node that stands for `node` outside: a result of the composite, where it belongs to a fused op.
  Node* shown(Node* node) {
    while (follows(node)) {
      bool projection = is(node, "output");
      Node* source = projection ? node->in[0] : node;
      if (!follows(source) || !registry()[source->op].fallback_rule) break;
      auto found = composites_.find(source);
      if (found == composites_.end()) found = composites_.emplace(source, runtime::composite(source)).first;
      node = found->second[projection ? static_cast<std::size_t>(node->attr[0]) : 0].get();
    }
    return node;
  }

  void visit(Node* root) {
    std::vector<Node*> stack = {root};
    while (!stack.empty()) {
      Node* node = stack.back();
      if (ids_.count(node)) {
        stack.pop_back();
        continue;
      }
      std::size_t before = stack.size();
      if (follows(node)) {
        for (int i = node->num_inputs; i-- > first_operand(node);) {
          Node* input = shown(node->inputs()[i]);
          if (!ids_.count(input)) stack.push_back(input);
        }
      }
      if (stack.size() != before) continue;
      stack.pop_back();
      add(node);
    }
  }

  py::tuple value_of(const Node* node) const {
    if (follows(node) && is(node, "output")) return py::make_tuple(ids_.at(node->in[0]), node->attr[0]);
    return py::make_tuple(ids_.at(node), 0);
  }

  void add(Node* node) {
    const OpDef& op = registry()[node->op];
    if (follows(node) && is(node, "output")) {
      ids_[node] = ids_.at(node->in[0]);
      return;
    }
    py::list outputs;
    outputs.append(py::make_tuple(dtype_of(node->dtype), dims_of(node)));
    if (!follows(node) || graph::is_input(node)) {
      push(node, node->value ? "constant" : "input", py::list(), py::dict(), outputs, py::cast(Var(node)));
      return;
    }
    if (node->has(graph::kMultiOutput)) {
      graph::OutputSpec specs[graph::kMaxOutputs];
      int count = op.outputs_rule({op, node->inputs(), node->num_inputs, node->attrs()}, specs);
      for (int k = 1; k < count; ++k) {
        outputs.append(py::make_tuple(dtype_of(specs[k].dtype), py::tuple(py::cast(std::vector<i64>(specs[k].shape.begin(), specs[k].shape.end())))));
      }
    }
    py::list inputs;
    for (int i = first_operand(node); i < node->num_inputs; ++i) inputs.append(value_of(shown(node->inputs()[i])));
    if (node->has(graph::kImmediate)) {
      py::tuple scalar = py::make_tuple(immediate(node), 0);
      node->has(graph::kImmediateLeft) ? inputs.insert(0, scalar) : inputs.append(scalar);
    }
    py::object attrs = py::dict();
    if (op.name_rule) attrs = named_attributes(op, node->attrs());
    else if (!node->has(graph::kImmediate)) attrs = attributes(op, node->attrs(), node->dtype);
    push(node, op.name_of(node->attrs()), inputs, attrs, outputs, py::none());
  }

  // A Python scalar operand becomes a 0-d `full` of the tensor operand's dtype.
  std::size_t immediate(const Node* node) {
    DType dtype = node->in[0]->dtype;
    py::list outputs;
    outputs.append(py::make_tuple(dtype_of(dtype), py::tuple()));
    py::dict attrs("value"_a = number(dtype, node->attr[0]), "dtype"_a = dtype_of(dtype), "shape"_a = py::tuple());
    records_.append(py::make_tuple("full", py::list(), attrs, outputs, 0, node->location, py::none()));
    return records_.size() - 1;
  }

  void push(const Node* node, const char* op, py::list inputs, py::object attrs, py::list outputs, py::object handle) {
    ids_[node] = records_.size();
    records_.append(py::make_tuple(op, inputs, attrs, outputs, node->layout, node->location, handle));
  }

  const bool provenance_;
  py::list records_;
  std::unordered_map<const Node*, std::size_t> ids_;
  std::unordered_map<const Node*, std::vector<Var>> composites_;
};

py::dict describe(const OpDef& op) {
  py::list attrs, dtypes;
  for (const graph::AttrDef& attr : op.attr_defs) attrs.append(py::make_tuple(attr.name, kind_name(attr.kind), attr.required));
  for (int d = 0; d < kNumDTypes; ++d) {
    if (op.dtypes >> d & 1) dtypes.append(dtype_of(static_cast<DType>(d)));
  }
  return py::dict("name"_a = op.name, "category"_a = graph::category_name(op.kind),
                  "inputs"_a = std::vector<std::string>(op.input_names.begin(), op.input_names.end()), "variadic"_a = op.is_variadic,
                  "attrs"_a = attrs, "dtypes"_a = dtypes, "differentiable"_a = op.vjp_rule != nullptr,
                  "no_grad_reason"_a = op.no_grad_reason ? py::cast(op.no_grad_reason) : py::object(py::none()),
                  "formulas"_a = std::vector<std::string>(op.formulas.begin(), op.formulas.end()),
                  "is_view"_a = op.view_rule != nullptr, "is_elementwise"_a = op.tile_op >= 0, "is_random"_a = op.is_random,
                  "multiple_outputs"_a = op.outputs_rule != nullptr,
                  "fused"_a = op.fallback_rule != nullptr, "holder"_a = op.name_rule != nullptr);
}

py::list describe_all() {
  py::list result;
  for (std::size_t id = 0; id < registry().size(); ++id) result.append(describe(registry()[static_cast<OpId>(id)]));
  return result;
}

// FLOPs and bytes of the op that a pending tensor records.
py::tuple cost(const Var& tensor) {
  const OpDef& op = registry()[tensor->op];
  if (!op.cost_rule || tensor->value) return py::make_tuple(0.0, 0.0);
  graph::Cost c = op.cost_rule({op, tensor->inputs(), tensor->num_inputs, tensor->attrs()}, tensor->shape());
  return py::make_tuple(c.flops, c.bytes);
}

// ---- layouts: Python holds the objects and the propagation rule, nodes hold ids
PyObject* g_propagate = nullptr;

u16 layout_hook(const graph::Call& call, const Shape& out, Node** inputs, std::vector<Var>* keep) {
  py::list layouts, shapes;
  for (int i = 0; i < call.count; ++i) {
    layouts.append(inputs[i]->layout);
    shapes.append(dims_of(inputs[i]));
  }
  py::object result = py::reinterpret_borrow<py::object>(g_propagate)(
      call.op.name, graph::category_name(call.op.kind), attributes(call.op, call.attrs, call.dtype(0)),
      py::tuple(py::cast(std::vector<i64>(out.begin(), out.end()))), layouts, shapes);
  auto [layout, moves] = result.cast<std::pair<int, std::vector<int>>>();
  static const OpDef& to_layout = registry().at("to_layout");
  for (int i = 0; i < call.count && keep; ++i) {
    if (moves[static_cast<std::size_t>(i)] < 0) continue;
    i64 word = moves[static_cast<std::size_t>(i)];
    keep->push_back(graph::apply(to_layout, inputs + i, 1, &word, 1));
    inputs[i] = keep->back().get();
  }
  return static_cast<u16>(layout);
}

// ---- tracing: places for values, and handles that stand for them meanwhile
py::object make_input(int dtype, const std::vector<i64>& dims, bool requires_grad, u16 layout) {
  if (dims.size() > static_cast<std::size_t>(kMaxDims)) {
    value_error("[make_input] " + std::to_string(dims.size()) + " dimensions: at most " + std::to_string(kMaxDims) + " are supported");
  }
  Shape shape(dims.data(), static_cast<int>(dims.size()));
  check_shape("make_input", shape);
  Var input = graph::make_input(static_cast<DType>(dtype), shape);
  input->layout = layout;
  py::object handle = py::cast(input);
  if (requires_grad) {
    input->flags |= graph::kRequiresGrad | graph::kGradLeaf;
    own_node(as_tensor(handle.ptr()), input.get());
  }
  return handle;
}

// Exchanges the nodes of two handles; the place where a leaf's gradient goes follows its node.
void swap_nodes(py::handle a, py::handle b) {
  TensorObject *left = as_tensor(a.ptr()), *right = as_tensor(b.ptr());
  if (!left || !right) type_error("[swap_nodes] expected two tensors");
  Node *old_left = current(left), *old_right = current(right);
  bool owns_left = owner_of(old_left) == left, owns_right = owner_of(old_right) == right;
  swap_tensors(left, right);
  if (owns_left) own_node(right, old_left);
  if (owns_right) own_node(left, old_right);
}

}  // namespace

void register_graph(py::module_& module) {
  module.def("make_input", make_input, "dtype"_a, "dims"_a, "requires_grad"_a = false, "layout"_a = 0);
  module.def("swap_nodes", swap_nodes);
  module.def("export_graph", [](const std::vector<Var>& outputs, bool provenance) { return Exporter(provenance).run(outputs); },
             "outputs"_a, "provenance"_a = false);
  module.def("describe_ops", describe_all);
  module.def("cost", cost);
  module.def("composite", [](const Var& tensor) { return runtime::composite(tensor.get()); });
  module.def("node_id", [](const Var& tensor) { return reinterpret_cast<std::uintptr_t>(tensor.get()); });
  module.def("location_of", [](const Var& tensor) { return tensor->location; });
  module.def("source_line", [](u32 id) {
    SourceLine line = source_line(id);
    return py::make_tuple(line.file, line.line, line.function);
  });
  module.def("add_internal_prefix", add_internal_prefix);
  module.def("layout_id", [](const Var& tensor) { return tensor->layout; });
  module.def("set_layout_hook", [](py::object propagate) {
    g_propagate = propagate.release().ptr();
    graph::hooks.layout = layout_hook;
  });
}

}  // namespace pyflame::bindings
