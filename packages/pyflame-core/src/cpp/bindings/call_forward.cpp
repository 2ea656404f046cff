// Calls of modules: a Python `__call__` that hands its arguments on would cost more than recording an op.
#include "bindings/call_forward.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

PyObject *g_hooks, *g_forward, *g_call;  // names

PyObject* call_hooks(PyObject* hooks, PyObject* self, PyObject* args, PyObject* kwargs) {
  PyObject* given = kwargs ? kwargs : PyDict_New();
  if (!given) return nullptr;
  PyObject* result = PyObject_CallMethodObjArgs(hooks, g_call, self, args, given, nullptr);
  if (!kwargs) Py_DECREF(given);
  return result;
}

PyObject* call(PyObject* self, PyObject* args, PyObject* kwargs) {
  PyObject* hooks = PyObject_GetAttr(self, g_hooks);
  if (!hooks) return nullptr;
  if (hooks != Py_None) {
    PyObject* result = call_hooks(hooks, self, args, kwargs);
    Py_DECREF(hooks);
    return result;
  }
  Py_DECREF(hooks);
  if (PyTuple_GET_SIZE(args) == 1 && !kwargs) {  // by far the most common
    PyObject* stack[] = {self, PyTuple_GET_ITEM(args, 0)};
    return PyObject_VectorcallMethod(g_forward, stack, 2, nullptr);
  }
  PyObject* forward = PyObject_GetAttr(self, g_forward);
  if (!forward) return nullptr;
  PyObject* result = PyObject_Call(forward, args, kwargs);
  Py_DECREF(forward);
  return result;
}

PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void*>(call)}, {0, nullptr}};
PyType_Spec spec = {"pyflame.calling.CallsForward", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

}  // namespace

void register_call_forward(py::module_& module) {
  g_hooks = PyUnicode_InternFromString("_hooks");
  g_forward = PyUnicode_InternFromString("forward");
  g_call = PyUnicode_InternFromString("call");
  PyObject* type = PyType_FromSpec(&spec);
  if (!type) throw py::error_already_set();
  module.attr("CallsForward") = py::reinterpret_steal<py::object>(type);
}

}  // namespace pyflame::bindings
