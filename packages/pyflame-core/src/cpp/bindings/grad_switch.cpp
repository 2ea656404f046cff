// `with no_grad():` around every step of an optimizer and every evaluation of a model: entered and left without Python.
#include "bindings/register.h"  // Python.h first

#include <structmember.h>

#include <vector>

#include "graph/apply.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

struct Switch {
  PyObject_HEAD
  char mode;                    // that a block has
  std::vector<bool>* previous;  // modes around the blocks that are open
};

PyObject* construct(PyTypeObject* type, PyObject*, PyObject*) {
  auto* made = reinterpret_cast<Switch*>(type->tp_alloc(type, 0));
  if (made) made->previous = new std::vector<bool>;
  return reinterpret_cast<PyObject*>(made);
}
void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<Switch*>(self)->previous;
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* keep(PyObject* self, PyObject* mode) {
  const int on = PyObject_IsTrue(mode);
  if (on < 0) return nullptr;
  reinterpret_cast<Switch*>(self)->previous->push_back(on);
  Py_RETURN_NONE;
}
PyObject* enter(PyObject* self, PyObject*) {
  auto* block = reinterpret_cast<Switch*>(self);
  block->previous->push_back(graph::set_grad_enabled(block->mode));
  Py_RETURN_NONE;
}
PyObject* leave(PyObject* self, PyObject* const*, Py_ssize_t) {
  auto* block = reinterpret_cast<Switch*>(self);
  if (block->previous->empty()) return PyErr_Format(PyExc_RuntimeError, "[%s] left before it was entered", Py_TYPE(self)->tp_name);
  graph::set_grad_enabled(block->previous->back());
  block->previous->pop_back();
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"__enter__", enter, METH_NOARGS, nullptr},
    {"__exit__", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(leave)), METH_FASTCALL, nullptr},
    {"_keep", keep, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
PyMemberDef members[] = {{"_mode", T_BOOL, offsetof(Switch, mode), 0, nullptr}, {nullptr, 0, 0, 0, nullptr}};
PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(construct)}, {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                       {Py_tp_methods, methods}, {Py_tp_members, members}, {0, nullptr}};
PyType_Spec spec = {"pyflame._core.GradSwitch", sizeof(Switch), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

}  // namespace

void register_grad_switch(py::module_& module) {
  PyObject* type = PyType_FromSpec(&spec);
  if (!type) throw py::error_already_set();
  module.attr("GradSwitch") = py::reinterpret_steal<py::object>(type);
}

}  // namespace pyflame::bindings
