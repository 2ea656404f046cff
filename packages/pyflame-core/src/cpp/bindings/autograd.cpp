#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>

#include "autograd/vjp.h"
#include "base/error.h"
#include "bindings/attachments.h"
#include "bindings/register.h"
#include "bindings/tensor_type.h"
#include "ops/function.h"
#include "ops/functions.h"
#include "runtime/eval.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

// Adds to .grad of the handle that owns the leaf; a leaf whose handle is gone has nowhere to put it.
void accumulate(const autograd::LeafGradient& entry, bool create_graph) {
  TensorObject* owner = owner_of(entry.leaf.get());
  if (!owner) return;
  Var total = entry.gradient;
  if (owner->grad) {
    bool previous = graph::set_grad_enabled(create_graph);
    total = ops::add(Var(node_of(owner->grad)), total);
    graph::set_grad_enabled(previous);
  }
  PyObject* handle = wrap(total);
  if (!handle) throw py::error_already_set();
  Py_XSETREF(owner->grad, handle);
  if (entry.leaf->has(graph::kAttached)) {
    attached(entry.leaf.get()).attr("accumulated")(py::handle(reinterpret_cast<PyObject*>(owner)));
  }
}

void backward(const std::vector<Var>& outputs, const std::vector<Var>& gradients, const std::vector<Var>& inputs,
              bool retain_graph, bool create_graph) {
  for (const auto& entry : autograd::backward(outputs, gradients, inputs, {retain_graph, create_graph})) {
    accumulate(entry, create_graph);
  }
}

PyObject* g_loss = nullptr;  // weak: what backward_of was called on last

// backward_of(loss): the whole backward() of a tensor of one element, which is what nearly every training step asks for.
// False: nothing was done, because there are more elements.
PyObject* backward_of(PyObject*, PyObject* loss) {
  static const graph::OpDef& full = graph::registry().at("full");
  try {
    Var output(node_of(loss));
    if (!output) return PyErr_Format(PyExc_TypeError, "[backward] expected a Tensor, got %s", Py_TYPE(loss)->tp_name);
    if (output->numel() != 1) Py_RETURN_FALSE;
    i64 words[3 + kMaxDims] = {1, static_cast<i64>(output->dtype), output->ndim};
    const double one = 1.0;
    if (is_floating(output->dtype)) std::memcpy(words, &one, sizeof one);
    std::copy(output->dims(), output->dims() + output->ndim, words + 3);
    Var gradient = graph::apply(full, nullptr, 0, words, 3 + output->ndim);
    backward({output}, {gradient}, {}, false, false);
    remember_loss(loss);
    Py_RETURN_TRUE;
  } catch (...) {
    return translate_exception();
  }
}

PyObject* grad_enabled(PyObject*, PyObject*) { return PyBool_FromLong(graph::grad_enabled()); }
PyObject* set_grad_enabled(PyObject*, PyObject* enabled) {
  int on = PyObject_IsTrue(enabled);
  return on < 0 ? nullptr : PyBool_FromLong(graph::set_grad_enabled(on));
}
PyObject* autocast_dtype(PyObject*, PyObject*) { return PyLong_FromLong(graph::autocast_dtype()); }
PyObject* set_autocast(PyObject*, PyObject* dtype) {
  int code = static_cast<int>(PyLong_AsLong(dtype));
  return PyErr_Occurred() ? nullptr : PyLong_FromLong(graph::set_autocast(code));
}

// What programs ask at every step, without pybind's reading of arguments.
PyMethodDef functions[] = {
    {"backward_of", backward_of, METH_O, nullptr},
    {"grad_enabled", grad_enabled, METH_NOARGS, nullptr},
    {"set_grad_enabled", set_grad_enabled, METH_O, nullptr},
    {"autocast_dtype", autocast_dtype, METH_NOARGS, nullptr},
    {"set_autocast", set_autocast, METH_O, nullptr},
};

py::list gradients_of(const std::vector<Var>& outputs, const std::vector<Var>& gradients, const std::vector<Var>& inputs,
                      bool retain_graph, bool create_graph) {
  auto found = autograd::backward(outputs, gradients, inputs, {retain_graph, create_graph});
  py::list result;
  for (const Var& input : inputs) {
    py::object gradient = py::none();
    for (const auto& entry : found) {
      if (entry.leaf.get() == input.get()) gradient = py::cast(entry.gradient);
    }
    result.append(gradient);
  }
  return result;
}

void retain_grad(py::handle tensor) {
  TensorObject* handle = as_tensor(tensor.ptr());
  Node* node = current(handle);
  if (!node->has(graph::kRequiresGrad)) {
    runtime_error("[retain_grad] this tensor does not require grad");
  }
  if (node->has(graph::kGradLeaf)) return;
  node->flags |= graph::kRetainGrad;
  own_node(handle, node);
}

// Switches one of the flags that this thread's nodes get; returns whether it was on.
bool set_flag(u16 flag, bool enabled) {
  u16 flags = runtime::record_flags();
  runtime::set_record_flags(static_cast<u16>(enabled ? flags | flag : flags & ~flag));
  return flags & flag;
}

// Tensor hooks: what they return takes the gradient's place.
Var hooked_gradient(Node* node, const Var& gradient) {
  return attached(node).attr("gradient")(gradient).cast<Var>();
}

py::object& inspector() {
  static auto* object = new py::object;
  return *object;
}

void set_inspector(py::object function) {
  bool wanted = !function.is_none();
  inspector() = std::move(function);
  auto inspect = [](Node* node, int input, const Var& gradient) { inspector()(Var(node), input, gradient); };
  autograd::callbacks.inspect = inspect;
  if (!wanted) autograd::callbacks.inspect = nullptr;
}

// The backward of a Python function: from the gradients of its outputs to those of its inputs.
void function_vjp(graph::VjpCall& call) {
  py::list gradients;
  for (i64 k = 0; k < call.attrs()[0]; ++k) {
    Var gradient = call.grad(static_cast<int>(k));
    gradients.append(gradient ? py::cast(gradient) : py::none());
  }
  py::sequence results = attached(call.node()).attr("run")(Var(call.node()), gradients);
  for (int i = 0; i < call.num_inputs(); ++i) {
    py::object result = results[static_cast<std::size_t>(i)];
    if (!result.is_none()) call.set(i, result.cast<Var>());
  }
}

Var function(const std::vector<Var>& inputs, int outputs, py::object backward) {
  std::vector<Node*> nodes;
  for (const Var& input : inputs) nodes.push_back(input.get());
  i64 words[] = {outputs};
  Var node = graph::apply(graph::registry().at("function"), nodes.data(), static_cast<int>(nodes.size()), words, 1);
  attach(node.get(), std::move(backward));
  return node;
}

Var function_output(const Var& value, const Var& function, int index) {
  return graph::apply(graph::registry().at("function_output"), {value, function}, {index});
}

// The nodes that gradients of a tensor go to, in the order of the op's operands; None for an operand without gradient.
py::list gradient_edges(const Var& tensor) {
  Node* node = tensor.get();
  static const graph::OpId output = graph::registry().at("output").id;
  if (node->num_inputs && (node->op == output || ops::is_function_output(node))) node = node->inputs()[node->num_inputs - 1];
  py::list edges;
  for (int i = 0; i < node->num_inputs; ++i) {
    Node* input = node->inputs()[i];
    edges.append(input->has(graph::kRequiresGrad) ? py::cast(Var(input)) : py::none());
  }
  if (node->has(graph::kImmediateLeft)) edges.insert(0, py::none());
  if (node->has(graph::kImmediateRight)) edges.append(py::none());
  return edges;
}

}  // namespace

void remember_loss(PyObject* loss) {
  PyObject* reference = PyWeakref_NewRef(loss, nullptr);
  if (!reference) throw py::error_already_set();
  Py_XSETREF(g_loss, reference);
}
PyObject* pending_loss() {
  if (!g_loss) return nullptr;
  PyObject* loss = PyWeakref_GetObject(g_loss);
  const TensorObject* tensor = as_tensor(loss);
  PyObject* found = tensor && tensor->node && !tensor->node->value ? Py_NewRef(loss) : nullptr;
  Py_CLEAR(g_loss);
  return found;
}

void register_autograd(py::module_& module) {
  module.def("backward", backward);
  for (PyMethodDef& function : functions) {
    module.attr(function.ml_name) = py::reinterpret_steal<py::object>(PyCFunction_New(&function, nullptr));
  }
  module.def("pending_loss", [] {
    PyObject* loss = pending_loss();
    return loss ? py::reinterpret_steal<py::object>(loss) : py::none();
  });
  module.def("gradients_of", gradients_of);
  module.def("retain_grad", retain_grad);
  module.def("retains_grad", [](const Var& tensor) { return tensor->has(graph::kRetainGrad); });
  module.def("function_of", [](const Var& output) -> py::object {
    return output->num_inputs == 2 ? py::cast(Var(output->inputs()[1])) : py::none();  // none: its history is freed
  });
  register_attachments(module);
  autograd::callbacks.gradient = hooked_gradient;
  ops::function_vjp = function_vjp;
  module.def("set_inspector", set_inspector);
  module.def("function", function);
  module.def("function_output", function_output);
  module.def("gradient_edges", gradient_edges);
  module.def("same_handle", [](const Var& tensor) { return tensor; });
  module.def("grad_owner", [](const Var& tensor) {
    TensorObject* owner = owner_of(tensor.get());
    return owner ? py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(owner)) : py::none();
  });
  module.def("recording_checkpoint", [](bool enabled) { return set_flag(graph::kRecompute, enabled); });
  module.def("recording_inference", [](bool enabled) { return set_flag(graph::kInference, enabled); });
  module.def("is_inference", [](const Var& tensor) { return tensor->has(graph::kInference); });
  module.def("in_checkpoint", [](const Var& tensor) { return tensor->has(graph::kRecompute); });
  module.def("op_name", [](const Var& tensor) { return graph::registry()[tensor->op].name_of(tensor->attrs()); });
}

}  // namespace pyflame::bindings
