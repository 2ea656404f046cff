#include <pybind11/stl.h>

#include "autograd/vjp.h"
#include "base/error.h"
#include "bindings/register.h"
#include "bindings/tensor_type.h"
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
}

void backward(const std::vector<Var>& outputs, const std::vector<Var>& gradients, const std::vector<Var>& inputs,
              bool retain_graph, bool create_graph) {
  for (const auto& entry : autograd::backward(outputs, gradients, inputs, {retain_graph, create_graph})) {
    accumulate(entry, create_graph);
  }
}

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
  if (!handle->node->has(graph::kRequiresGrad)) {
    runtime_error("[retain_grad] this tensor does not require grad");
  }
  if (handle->node->has(graph::kGradLeaf)) return;
  handle->node->flags |= graph::kRetainGrad;
  own_node(handle);
}

}  // namespace

void register_autograd(py::module_& module) {
  module.def("backward", backward);
  module.def("gradients_of", gradients_of);
  module.def("retain_grad", retain_grad);
  module.def("grad_enabled", &graph::grad_enabled);
  module.def("set_grad_enabled", &graph::set_grad_enabled);
  module.def("op_name", [](const Var& tensor) { return graph::registry()[tensor->op].name_of(tensor->attrs()); });
}

}  // namespace pyflame::bindings
