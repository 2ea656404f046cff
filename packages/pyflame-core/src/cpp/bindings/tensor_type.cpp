#include "bindings/tensor_type.h"

#include <structmember.h>

#include "base/error.h"
#include "bindings/operators.h"
#include "bindings/owners.h"
#include "bindings/storage.h"

namespace py = pybind11;

namespace pyflame::bindings {

PyTypeObject* tensor_type = nullptr;
PyObject* dtype_objects[kNumDTypes] = {};
PyTypeObject* size_type = &PyTuple_Type;  // pyflame.Size once registered

namespace {

constexpr int kMaxSpare = 256;
TensorObject* g_spare[kMaxSpare];
int g_num_spare = 0;

Owners& owners() {
  static auto* table = new Owners;
  return *table;
}

void disown_all(TensorObject* tensor) {
  if (tensor->node && owner_of(tensor->node) == tensor) disown_node(tensor->node);
  if (!tensor->owned) return;
  for (Node* node : owners().nodes_of(tensor)) disown_node(node);
}

void dealloc(PyObject* self) {
  auto* tensor = reinterpret_cast<TensorObject*>(self);
  PyTypeObject* type = Py_TYPE(self);
  if (tensor->owned) disown_all(tensor);
  if (tensor->alias) leave_storage(tensor);
  if (tensor->weakrefs) PyObject_ClearWeakRefs(self);
  Py_CLEAR(tensor->grad);
  if (tensor->node) {
    Node* node = tensor->node;
    tensor->node = nullptr;
    graph::release(node);
  }
  if (type == tensor_type && g_num_spare < kMaxSpare) {
    g_spare[g_num_spare++] = tensor;
  } else {
    type->tp_free(self);
  }
  Py_DECREF(type);
}

// Tensor(tensor) of a subclass: another handle on the same node. Plain construction is pf.tensor's job.
PyObject* construct(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* source = nullptr;
  if (PyTuple_GET_SIZE(args) >= 1) source = PyTuple_GET_ITEM(args, 0);
  Node* node = source ? node_of(source) : nullptr;
  if (!node) return PyErr_Format(PyExc_TypeError, "%s() needs a tensor: use pyflame.tensor(data) to make one from data", type->tp_name);
  auto* tensor = reinterpret_cast<TensorObject*>(type->tp_alloc(type, 0));
  if (!tensor) return nullptr;
  node->retain();
  tensor->node = node;
  return reinterpret_cast<PyObject*>(tensor);
}

PyObject* get_dtype(PyObject* self, void*) {
  PyObject* dtype = dtype_objects[static_cast<int>(node_of(self)->dtype)];
  Py_INCREF(dtype);
  return dtype;
}
PyObject* get_ndim(PyObject* self, void*) { return PyLong_FromLong(node_of(self)->ndim); }
PyObject* get_shape(PyObject* self, void*) {
  const Node* node = node_of(self);
  PyObject* tuple = size_type->tp_alloc(size_type, node->ndim);
  for (int i = 0; tuple && i < node->ndim; ++i) PyTuple_SET_ITEM(tuple, i, PyLong_FromLongLong(node->dims()[i]));
  return tuple;
}
PyObject* get_grad(PyObject* self, void*) {
  PyObject* grad = as_tensor(self)->grad;
  if (!grad) Py_RETURN_NONE;
  Py_INCREF(grad);
  return grad;
}
int set_grad(PyObject* self, PyObject* value, void*) {
  TensorObject* tensor = as_tensor(self);
  if (!value || value == Py_None) {
    Py_CLEAR(tensor->grad);
    return 0;
  }
  Node* grad = node_of(value);
  if (!grad) {
    PyErr_Format(PyExc_TypeError, "[grad] expected a Tensor or None, got %s", Py_TYPE(value)->tp_name);
    return -1;
  }
  const Node* node = current(tensor);
  if (grad->shape() != node->shape() || grad->dtype != node->dtype) {
    PyErr_Format(PyExc_RuntimeError, "[grad] the gradient has shape %s and dtype %s, the tensor %s and %s: they must agree",
                 to_string(grad->shape()).c_str(), std::string(dtype_name(grad->dtype)).c_str(),
                 to_string(node->shape()).c_str(), std::string(dtype_name(node->dtype)).c_str());
    return -1;
  }
  Py_INCREF(value);
  Py_XSETREF(tensor->grad, value);
  return 0;
}
PyObject* get_requires_grad(PyObject* self, void*) { return PyBool_FromLong(node_of(self)->has(graph::kRequiresGrad)); }
int set_requires_grad(PyObject* self, PyObject* value, void*) {
  int required = value ? PyObject_IsTrue(value) : 0;
  if (required < 0) return -1;
  try {
    require_grad(as_tensor(self), required);
    return 0;
  } catch (...) {
    translate_exception();
    return -1;
  }
}
PyObject* get_is_leaf(PyObject* self, void*) {
  const Node* node = node_of(self);
  return PyBool_FromLong(!node->has(graph::kRequiresGrad) || node->has(graph::kGradLeaf));
}

PyGetSetDef properties[] = {
    {"dtype", get_dtype, nullptr, nullptr, nullptr},
    {"ndim", get_ndim, nullptr, nullptr, nullptr},
    {"shape", get_shape, nullptr, nullptr, nullptr},
    {"grad", get_grad, set_grad, nullptr, nullptr},
    {"requires_grad", get_requires_grad, set_requires_grad, nullptr, nullptr},
    {"is_leaf", get_is_leaf, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(TensorObject, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

// The array of numpy() is the exporter: it knows its strides, is read-only, and refuses what requires grad.
int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  view->obj = nullptr;
  PyObject* array = PyObject_CallMethod(self, "numpy", nullptr);
  if (!array) return -1;
  int result = PyObject_GetBuffer(array, view, flags);
  Py_DECREF(array);
  return result;
}

PyObject* exception_class(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kRuntime: return PyExc_RuntimeError;
    case ErrorKind::kIndex: return PyExc_IndexError;
    case ErrorKind::kType: return PyExc_TypeError;
    case ErrorKind::kValue: return PyExc_ValueError;
    case ErrorKind::kNotImplemented: return PyExc_NotImplementedError;
    case ErrorKind::kMemory: return PyExc_MemoryError;
    case ErrorKind::kTrace: break;
  }
  static PyObject* trace_error = nullptr;
  if (!trace_error) {
    py::object errors = py::module_::import("pyflame.errors");
    trace_error = py::object(errors.attr("TraceError")).release().ptr();
  }
  return trace_error;
}

}  // namespace

PyObject* wrap(Node* node) {
  TensorObject* tensor;
  if (__builtin_expect(g_num_spare > 0, 1)) {
    tensor = g_spare[--g_num_spare];
    PyObject_Init(reinterpret_cast<PyObject*>(tensor), tensor_type);
  } else {
    tensor = PyObject_New(TensorObject, tensor_type);
    if (!tensor) {
      graph::release(node);
      return nullptr;
    }
  }
  tensor->node = node;
  tensor->weakrefs = nullptr;
  tensor->grad = nullptr;
  tensor->alias = nullptr;
  tensor->version = tensor->owned = 0;
  return reinterpret_cast<PyObject*>(tensor);
}

// Sets `code` on the error that is raised; without it the error is still the right one.
void attach_code() {
  PyObject *kind, *error, *trace;
  PyErr_Fetch(&kind, &error, &trace);
  PyErr_NormalizeException(&kind, &error, &trace);
  static PyObject* attach = nullptr;
  if (!attach) {
    if (PyObject* errors = PyImport_ImportModule("pyflame.errors")) {
      attach = PyObject_GetAttrString(errors, "attach_code");
      Py_DECREF(errors);
    }
  }
  PyObject* done = attach ? PyObject_CallOneArg(attach, error) : nullptr;
  Py_XDECREF(done);
  if (!done) PyErr_WriteUnraisable(error);
  PyErr_Restore(kind, error, trace);
}

PyObject* translate_exception() {
  try {
    throw;
  } catch (const Error& error) {
    PyErr_SetString(exception_class(error.kind), error.what());
    attach_code();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_SetString(PyExc_MemoryError, "[pyflame] not enough memory");
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

void own_node(TensorObject* handle, Node* node) {
  if (node->has(graph::kOwned)) disown_node(node);
  node->flags |= graph::kOwned;
  ++handle->owned;
  owners().insert(node, handle);
}
void disown_node(Node* node) {
  TensorObject* owner = owners().erase(node);
  if (!owner) return;
  --owner->owned;
  node->flags &= static_cast<u16>(~graph::kOwned);
}
TensorObject* owner_of(const Node* node) { return node->has(graph::kOwned) ? owners().find(node) : nullptr; }

int dtype_code(PyObject* object) {
  for (int code = 0; code < kNumDTypes; ++code) {
    if (dtype_objects[code] == object) return code;
  }
  PyErr_Format(PyExc_TypeError, "[dtype] expected a pyflame.DType such as pyflame.float32, got %R", object);
  return -1;
}

void register_tensor_type(py::module_& module) {
  static std::vector<PyType_Slot> slots = operator_slots();
  slots.push_back({Py_tp_dealloc, reinterpret_cast<void*>(dealloc)});
  slots.push_back({Py_tp_new, reinterpret_cast<void*>(construct)});
  slots.push_back({Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)});
  slots.push_back({Py_tp_getset, properties});
  slots.push_back({Py_tp_members, members});
  slots.push_back({0, nullptr});
  static PyType_Spec spec = {"pyflame.Tensor", sizeof(TensorObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                             slots.data()};
  graph::owned_node_freed = disown_node;
  tensor_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!tensor_type) throw py::error_already_set();
  py::object type = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(tensor_type));
  module.attr("TensorBase") = type;
  // Class decorator: moves the methods of a Python class onto the heap type and returns the heap type. A Python subclass
  // would make every tensor a garbage-collected object with a slow destructor.
  module.def("methods_of_tensor", [type](py::type source) {
    for (auto item : source.attr("__dict__").attr("items")()) {
      py::tuple pair = py::reinterpret_borrow<py::tuple>(item);
      std::string name = py::str(pair[0]);
      if (name == "__dict__" || name == "__weakref__" || name == "__slots__") continue;
      py::setattr(type, pair[0], pair[1]);
    }
    return type;
  });
  module.def("register_size", [](py::object type) { size_type = reinterpret_cast<PyTypeObject*>(type.release().ptr()); });
  module.def("register_dtypes", [](py::list objects) {
    for (int i = 0; i < kNumDTypes; ++i) dtype_objects[i] = py::object(objects[static_cast<std::size_t>(i)]).release().ptr();
  });
}

}  // namespace pyflame::bindings
