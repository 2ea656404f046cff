// Writes and shared memory, as Python calls them.
#include <pybind11/stl.h>

#include "base/error.h"
#include "bindings/register.h"
#include "bindings/storage.h"
#include "ops/functions.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

TensorObject* tensor_argument(const char* op, py::handle object) {
  TensorObject* tensor = as_tensor(object.ptr());
  if (!tensor) type_error("[" + std::string(op) + "] expected a Tensor, got " + Py_TYPE(object.ptr())->tp_name);
  return tensor;
}

enum class Change { kFunction, kReplacement, kFill };

PyObject* write_call(PyObject* const* args, Py_ssize_t count, Change change) {
  const char* name = count == 3 ? PyUnicode_AsUTF8(args[0]) : nullptr;
  TensorObject* tensor = name ? as_tensor(args[1]) : nullptr;
  Node* source = name ? node_of(args[2]) : nullptr;
  if (!tensor || !source) {
    if (!PyErr_Occurred()) PyErr_Format(PyExc_TypeError, "[write] expected a name, a tensor and its new value");
    return nullptr;
  }
  try {
    Var value(source);
    const Node* node = current(tensor);
    check_history(name, tensor, value->has(graph::kRequiresGrad));
    if (change != Change::kFill) check_memory(name, tensor);
    if (!same_shape(*node, *source)) {
      runtime_error("[" + std::string(name) + "] the result has shape " + to_string(source->shape()) + ", the tensor " +
                    to_string(node->shape()) + ": it must broadcast to it");
    }
    if (node->dtype != source->dtype) {
      if (category(source->dtype) > category(node->dtype)) {
        runtime_error("[" + std::string(name) + "] the result has dtype " + std::string(dtype_name(source->dtype)) + ", which " +
                      std::string(dtype_name(node->dtype)) + " cannot hold");
      }
      value = ops::cast(value, node->dtype);
    }
    if (value.get() == node) value = graph::apply(graph::registry().at("alias"), {value});
    write(tensor, value, change != Change::kFunction);
    Py_INCREF(args[1]);
    return args[1];
  } catch (...) {
    return translate_exception();
  }
}
// write(name, tensor, value): the last step of a method that changes a tensor to what it made of it. The value is one
// nobody else holds.
PyObject* change(PyObject*, PyObject* const* args, Py_ssize_t count) { return write_call(args, count, Change::kFunction); }
// overwrite: the same for a value that was not made from the tensor. fill: and is the same everywhere, so that places in
// memory which the tensor shows several times are no problem.
PyObject* overwrite(PyObject*, PyObject* const* args, Py_ssize_t count) { return write_call(args, count, Change::kReplacement); }
PyObject* fill(PyObject*, PyObject* const* args, Py_ssize_t count) { return write_call(args, count, Change::kFill); }

PyMethodDef g_changes[] = {
    {"write", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(change)), METH_FASTCALL, nullptr},
    {"overwrite", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(overwrite)), METH_FASTCALL, nullptr},
    {"fill", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(fill)), METH_FASTCALL, nullptr},
};

py::object detach_view(py::handle source, bool tracked) {
  TensorObject* tensor = tensor_argument("detach", source);
  bool previous = graph::set_grad_enabled(false);
  Var value = graph::apply(graph::registry().at("alias"), {Var(current(tensor))});
  graph::set_grad_enabled(previous);
  py::object view = py::reinterpret_steal<py::object>(wrap(value));
  if (!view) throw py::error_already_set();
  join_detached(as_tensor(view.ptr()), tensor, tracked);
  return view;
}

bool same_memory(py::handle a, py::handle b) {
  const Alias *left = tensor_argument("same_memory", a)->alias, *right = tensor_argument("same_memory", b)->alias;
  return left && right && left->history->storage == right->history->storage;
}
bool same_window(py::handle a, py::handle b) {
  if (a.is(b)) return true;
  if (!same_memory(a, b)) return false;
  const Alias *left = as_tensor(a.ptr())->alias, *right = as_tensor(b.ptr())->alias;
  return left->offset == right->offset && left->shape == right->shape && left->strides == right->strides;
}

}  // namespace

void register_storage(py::module_& module) {
  for (PyMethodDef& def : g_changes) module.attr(def.ml_name) = py::reinterpret_steal<py::object>(PyCFunction_New(&def, nullptr));
  // The tensor becomes what the other one is; gradients of graphs that lead to a leaf still come to it.
  module.def("become", [](py::handle tensor, py::handle other) {
    TensorObject *handle = tensor_argument("become", tensor), *source = tensor_argument("become", other);
    current(handle);
    current(source);
    swap_tensors(handle, source);
  });
  module.def("check_history", [](const char* op, py::handle tensor) {
    check_history(op, tensor_argument(op, tensor), false);
  });
  module.def("detach_view", detach_view);
  module.def("share", [](py::handle copy, py::handle source) {
    join_detached(tensor_argument("share", copy), tensor_argument("share", source), true);
  });
  module.def("strided_view", [](py::handle source, const std::vector<i64>& size, const std::vector<i64>& stride, i64 offset) {
    PyObject* view = window_on(tensor_argument("as_strided", source), Shape(size.data(), static_cast<int>(size.size())),
                               Shape(stride.data(), static_cast<int>(stride.size())), offset);
    if (!view) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(view);
  });
  module.def("window", [](py::handle object) {
    TensorObject* tensor = tensor_argument("window", object);
    Shape shape = current(tensor)->shape(), strides = contiguous_strides(shape);
    i64 offset = 0;
    if (tensor->alias && tensor->alias->history->base) strides = tensor->alias->strides, offset = tensor->alias->offset;
    return py::make_tuple(std::vector<i64>(strides.begin(), strides.end()), offset);
  });
  module.def("forget_history", [](py::handle tensor) {
    TensorObject* handle = tensor_argument("detach_", tensor);
    bool previous = graph::set_grad_enabled(false);
    Var value = graph::apply(graph::registry().at("alias"), {Var(current(handle))});
    graph::set_grad_enabled(previous);
    replace_node(handle, value);
  });
  module.def("same_memory", same_memory);
  module.def("same_window", same_window);
  module.def("is_view", [](py::handle tensor) {
    const Alias* alias = tensor_argument("is_view", tensor)->alias;
    return alias && alias->history->base && !alias->is_root;
  });
  module.def("version", [](py::handle tensor) {
    return writes_of(tensor_argument("_version", tensor));
  });
  module.def("strides", [](py::handle tensor) {
    Shape strides = reported_strides(tensor_argument("stride", tensor));
    return std::vector<i64>(strides.begin(), strides.end());
  });
  module.def("offset", [](py::handle tensor) { return reported_offset(tensor_argument("storage_offset", tensor)); });
}

}  // namespace pyflame::bindings
