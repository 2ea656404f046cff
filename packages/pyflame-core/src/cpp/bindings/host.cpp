// Calls between the `host` record and the HostOp objects of Python.
#include "bindings/host.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <deque>

#include "base/error.h"
#include "bindings/location.h"
#include "bindings/register.h"
#include "bindings/tensor_type.h"
#include "cpu/elementwise.h"
#include "ops/functions.h"
#include "ops/host.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

using graph::KernelCall;
using graph::OpDef;
using graph::VjpCall;
using ops::CallWords;
using ops::HostWords;

struct HostOp {
  PyObject* object;
  std::string name;
};

// Entries never go: pending nodes and plans hold their numbers.
std::deque<HostOp>& table() {
  static auto* ops = new std::deque<HostOp>;
  return *ops;
}

py::handle object_of(i64 op) { return table()[static_cast<std::size_t>(op)].object; }

// Made once: a dtype from its name takes longer than a small array.
const py::dtype& numpy_dtype(DType dtype) {
  static constexpr const char* codes[kNumDTypes] = {"?", "u1", "i1", "i2", "i4", "i8", "f2", "f4", "f4", "f8"};
  static const auto* dtypes = [] {
    auto* made = new std::vector<py::dtype>;
    for (const char* code : codes) made->emplace_back(code);
    return made;
  }();
  return (*dtypes)[static_cast<std::size_t>(dtype)];
}
DType numpy_form(DType dtype) { return dtype == DType::kBFloat16 ? DType::kFloat32 : dtype; }

py::tuple dims_of(const Shape& shape) {
  py::tuple dims(static_cast<std::size_t>(shape.ndim));
  for (int i = 0; i < shape.ndim; ++i) dims[static_cast<std::size_t>(i)] = shape[i];
  return dims;
}

// The values are copied: a callable may keep its arrays, the memory behind the view is the plan's.
py::array array_of(const View& view) {
  py::array array(numpy_dtype(view.dtype), std::vector<py::ssize_t>(view.shape.begin(), view.shape.end()));
  View target{array.mutable_data(), numpy_form(view.dtype), view.shape, contiguous_strides(view.shape)};
  if (view.numel()) cpu::copy_strided(view, target);
  py::detail::array_proxy(array.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  return array;
}

void run(const KernelCall& call) {
  py::gil_scoped_acquire gil;
  HostWords words(call.attrs);
  graph::OutputSpec specs[graph::kMaxOutputs];
  static const OpDef& host = graph::registry().at("host");
  int count = host.outputs_rule({host, nullptr, 0, call.attrs}, specs);
  // The callable may evaluate a graph with this very plan, which binds the plan's views anew: they are read before.
  std::vector<View> results(call.out, call.out + count);
  py::tuple arrays(static_cast<std::size_t>(call.num_inputs)), types(static_cast<std::size_t>(count));
  for (int i = 0; i < call.num_inputs; ++i) arrays[static_cast<std::size_t>(i)] = array_of(call.in[i]);
  for (int k = 0; k < count; ++k) {
    types[static_cast<std::size_t>(k)] = py::make_tuple(dims_of(specs[k].shape), static_cast<int>(specs[k].dtype));
  }
  std::string_view bytes = words.bytes();
  py::tuple made = object_of(words.op).attr("_compute")(arrays, py::bytes(bytes.data(), bytes.size()), types, call.params[0]);
  for (int k = 0; k < count; ++k) {  // checked by _compute: C-contiguous, of the shape and dtype of the type
    py::array array = made[static_cast<std::size_t>(k)];
    const View& result = results[static_cast<std::size_t>(k)];
    View source{const_cast<void*>(array.data()), numpy_form(result.dtype), result.shape, contiguous_strides(result.shape)};
    if (result.numel()) cpu::copy_strided(source, result);
  }
}

// All outputs of a node. Projections that nobody held are gone once the node has a value: recording the op again makes
// them, and costs a run only if the gradient reads them.
std::vector<Var> outputs_of(VjpCall& call, int count) {
  std::vector<Var> outputs;
  for (int k = 0; k < count; ++k) outputs.push_back(call.out(k));
  Node* node = call.node();
  for (const Var& output : outputs) {
    if (output) continue;
    int words = static_cast<int>(node->record()->count);
    return graph::apply_multi(call.op, node->inputs(), node->num_inputs, node->attrs(), words);
  }
  return outputs;
}

void vjp(VjpCall& call) {
  HostWords words(call.attrs());
  Node* node = call.node();
  graph::OutputSpec specs[graph::kMaxOutputs];
  int count = call.op.outputs_rule({call.op, node->inputs(), node->num_inputs, node->attrs()}, specs);
  py::list grads;
  for (int k = 0; k < count; ++k) grads.append(call.grad(k) ? py::cast(call.grad(k)) : py::object(py::none()));
  py::list inputs, needed;
  for (int i = 0; i < call.num_inputs(); ++i) {
    inputs.append(py::cast(call.in(i)));
    needed.append(call.needs(i));
  }
  std::string_view bytes = words.bytes();
  py::list found = object_of(words.op).attr("_pull_back")(py::tuple(grads), py::tuple(inputs), py::tuple(py::cast(outputs_of(call, count))),
                                                          py::bytes(bytes.data(), bytes.size()), needed, node->attrs()[0]);
  for (int i = 0; i < call.num_inputs(); ++i) {
    py::object gradient = found[static_cast<std::size_t>(i)];
    if (!gradient.is_none()) call.set(i, gradient.cast<Var>());
  }
}

void call_vjp(VjpCall& call) {
  CallWords words(call.attrs());
  py::list grads, operands, needed;
  for (int k = 0; k < words.num_results; ++k) grads.append(py::cast(call.grad(k) ? call.grad(k) : ops::zeros_like(call.in(k))));
  int first = static_cast<int>(words.num_results);
  for (int i = first; i < call.num_inputs(); ++i) {
    operands.append(py::cast(call.in(i)));
    needed.append(call.needs(i));
  }
  std::string_view bytes = words.bytes();
  py::list found = object_of(words.op).attr("_pull_back")(py::tuple(grads), py::tuple(operands),
                                                          py::bytes(bytes.data(), bytes.size()), needed, call.node()->location);
  for (int i = first; i < call.num_inputs(); ++i) {
    py::object gradient = found[static_cast<std::size_t>(i - first)];
    if (!gradient.is_none()) call.set(i, gradient.cast<Var>());
  }
}

const char* name(i64 op) { return table()[static_cast<std::size_t>(op)].name.c_str(); }

i64 add_host_op(py::object op, const std::string& op_name) {
  table().push_back({op.release().ptr(), op_name});
  return static_cast<i64>(table().size()) - 1;
}

// host(op, operands, types, data): records the op; `types` are the words of the results' types.
py::object record(i64 op, const std::vector<Var>& operands, const std::vector<i64>& types, const py::bytes& data) {
  static const OpDef& host = graph::registry().at("host");
  std::vector<Node*> nodes;
  for (const Var& operand : operands) nodes.push_back(operand.get());
  std::vector<i64> words = ops::host_words(current_location(), op, types, std::string_view(data));
  std::vector<Var> outputs = graph::apply_multi(host, nodes.data(), static_cast<int>(nodes.size()), words.data(),
                                                static_cast<int>(words.size()));
  return outputs.size() == 1 ? py::cast(outputs[0]) : py::object(py::tuple(py::cast(outputs)));
}

// call(op, result or tuple of results, tuple of operands, data, composite): records the node that names the call.
PyObject* record_call(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs != 5 || !PyTuple_Check(args[2]) || !PyBytes_Check(args[3])) {
    return PyErr_Format(PyExc_TypeError, "[call] expected an op, results, operands, attributes and a bool");
  }
  static const OpDef &call = graph::registry().at("call"), &with_vjp = graph::registry().at("call_vjp"),
                     &multi = graph::registry().at("call_multi");
  try {
    bool several = PyTuple_Check(args[1]), composite = args[4] == Py_True;
    std::vector<Node*> nodes;
    auto add = [&](PyObject* object) {
      Node* node = node_of(object);
      if (!node) type_error(std::string("[call] expected a Tensor, got ") + Py_TYPE(object)->tp_name);
      nodes.push_back(node);
    };
    if (!several) add(args[1]);
    for (Py_ssize_t k = 0; several && k < PyTuple_GET_SIZE(args[1]); ++k) add(PyTuple_GET_ITEM(args[1], k));
    i64 results = static_cast<i64>(nodes.size());
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args[2]); ++i) add(PyTuple_GET_ITEM(args[2], i));
    std::string_view bytes(PyBytes_AS_STRING(args[3]), static_cast<std::size_t>(PyBytes_GET_SIZE(args[3])));
    std::vector<i64> words = ops::call_words(PyLong_AsLongLong(args[0]), results, composite, bytes);
    int count = static_cast<int>(nodes.size()), num_words = static_cast<int>(words.size());
    if (!several) return wrap(graph::apply(composite ? call : with_vjp, nodes.data(), count, words.data(), num_words));
    return py::cast(graph::apply_multi(multi, nodes.data(), count, words.data(), num_words)).release().ptr();
  } catch (...) {
    return translate_exception();
  }
}
PyMethodDef g_call = {"call", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(record_call)), METH_FASTCALL, nullptr};

}  // namespace

py::object named_attributes(const OpDef& op, const i64* attrs) {
  i64 number = op.calls_python ? HostWords(attrs).op : CallWords(attrs).op;
  std::string_view bytes = op.calls_python ? HostWords(attrs).bytes() : CallWords(attrs).bytes();
  return object_of(number).attr("_attributes")(py::bytes(bytes.data(), bytes.size()));
}

void register_host(py::module_& module) {
  ops::host_calls = {run, vjp, call_vjp, name};
  module.def("add_host_op", add_host_op);
  module.def("host", record);
  module.attr("call") = py::reinterpret_steal<py::object>(PyCFunction_New(&g_call, nullptr));
}

}  // namespace pyflame::bindings
