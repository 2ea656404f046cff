// Evaluation by a backend written in Python.
#include <pybind11/numpy.h>

#include <cstring>

#include "base/error.h"
#include "bindings/register.h"
#include "bindings/tensor_type.h"
#include "runtime/eval.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

PyObject* g_evaluator = nullptr;

void give(Node* node, const py::array& array) {
  if (node->value) return;  // another thread computed it meanwhile
  std::size_t bytes = static_cast<std::size_t>(node->numel() * dtype_size(node->dtype));
  if (static_cast<std::size_t>(array.nbytes()) != bytes || !(array.flags() & py::array::c_style)) {
    runtime_error("[eval] the backend gave an array of " + std::to_string(array.nbytes()) + " bytes for a tensor of " +
                  std::to_string(bytes));
  }
  Buffer* buffer = allocate_buffer(bytes, "eval");
  std::memcpy(buffer->data, array.data(), bytes);
  graph::materialise(node, graph::make_value(buffer, 0, nullptr));
}

bool evaluate(const std::vector<Node*>& wanted) {
  std::vector<Var> held;
  py::list tensors;
  for (Node* node : wanted) {
    held.emplace_back(node);
    tensors.append(py::cast(held.back()));
  }
  py::object callable = py::reinterpret_borrow<py::object>(g_evaluator);  // it may be taken away while it runs
  py::object found = callable(tensors);
  if (found.is_none()) return false;
  py::list arrays = found;
  for (std::size_t i = 0; i < held.size(); ++i) give(held[i].get(), arrays[i]);
  return true;
}

}  // namespace

void register_evaluator(py::module_& module) {
  module.def("set_evaluator", [](py::object evaluator) {
    runtime::set_evaluator(evaluator.is_none() ? nullptr : evaluate);
    PyObject* old = g_evaluator;
    g_evaluator = evaluator.is_none() ? nullptr : evaluator.release().ptr();
    Py_XDECREF(old);
  });
}

}  // namespace pyflame::bindings
