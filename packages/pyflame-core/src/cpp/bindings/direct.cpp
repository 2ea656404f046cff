// Public functions over a function of the core: a record's, or one that takes its arguments by position. Signature,
// documentation and the cases that need more are a Python function; calls that give nothing but the core's go past it.
#include <pybind11/pybind11.h>
#include <structmember.h>

#include "bindings/functions.h"
#include "bindings/register.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

struct Direct {
  PyObject_HEAD
  vectorcallfunc vectorcall;
  PyObject* attributes;  // __doc__ and the like
  PyObject* weakrefs;
  PyObject* python;      // takes all other calls
  PyObject* names;       // tuple: parameters of the Python function that are the core's first ones
  Py_ssize_t required;   // of them
  PyObject* core;
  const Function* function;  // that `core` is; nullptr: no record's
};

// Places arguments by the names of the Python function's parameters; false: the call is not for the core alone.
bool bind(const Direct* direct, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject** bound) {
  Py_ssize_t total = PyTuple_GET_SIZE(direct->names), named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  if (nargs + named > total) return false;
  for (Py_ssize_t i = 0; i < nargs; ++i) bound[i] = args[i];
  Py_ssize_t places = direct->function ? static_cast<Py_ssize_t>(direct->function->names.size()) : total;
  for (Py_ssize_t i = nargs; i < places; ++i) bound[i] = nullptr;
  for (Py_ssize_t k = 0; k < named; ++k) {
    Py_ssize_t i = nargs;  // names are interned, those of calls too
    while (i < total && PyTuple_GET_ITEM(direct->names, i) != PyTuple_GET_ITEM(kwnames, k)) ++i;
    if (i == total) return false;
    bound[i] = args[nargs + k];
  }
  for (Py_ssize_t i = nargs; i < direct->required; ++i) {
    if (!bound[i]) return false;
  }
  return true;
}

PyObject* call(PyObject* self, PyObject* const* args, std::size_t nargsf, PyObject* kwnames) {
  const auto* direct = reinterpret_cast<const Direct*>(self);
  PyObject* bound[kMaxArguments];
  if (!bind(direct, args, PyVectorcall_NARGS(nargsf), kwnames, bound)) {
    return PyObject_Vectorcall(direct->python, args, nargsf, kwnames);
  }
  if (!direct->function) {
    Py_ssize_t total = PyTuple_GET_SIZE(direct->names);
    for (Py_ssize_t i = direct->required; i < total; ++i) bound[i] = bound[i] ? bound[i] : Py_None;
    return PyObject_Vectorcall(direct->core, bound, static_cast<std::size_t>(total), nullptr);
  }
  try {
    return record_bound(*direct->function, bound);
  } catch (...) {
    return translate_exception();
  }
}

PyObject* get(PyObject* self, PyObject* object, PyObject*) {
  if (object && object != Py_None) return PyMethod_New(self, object);
  Py_INCREF(self);
  return self;
}

// How many of the first parameters are the record's: the operands of elementwise ones go by place, others by name.
Py_ssize_t shared(const Function& function, PyObject* names) {
  const Py_ssize_t total = static_cast<Py_ssize_t>(function.names.size());
  if (function.in_table) return total;
  Py_ssize_t count = 0;
  while (count < total && count < PyTuple_GET_SIZE(names) &&
         PyUnicode_Compare(function.names[static_cast<std::size_t>(count)], PyTuple_GET_ITEM(names, count)) == 0) {
    ++count;
  }
  return count;
}

PyObject* construct(PyTypeObject* type, PyObject* args, PyObject*) {
  PyObject *core, *python, *names;
  Py_ssize_t required;
  if (!PyArg_ParseTuple(args, "O!OO!n", &PyCFunction_Type, &core, &python, &PyTuple_Type, &names, &required)) return nullptr;
  const Function* function = function_of(core);
  const Py_ssize_t count = function ? shared(*function, names) : PyTuple_GET_SIZE(names);
  if (count == 0 || count > PyTuple_GET_SIZE(names) || count > kMaxArguments) {
    return PyErr_Format(PyExc_TypeError, "[direct] %R does not take %R first", core, names);
  }
  auto* direct = reinterpret_cast<Direct*>(type->tp_alloc(type, 0));
  if (!direct) return nullptr;
  direct->names = PyTuple_GetSlice(names, 0, count);
  if (!direct->names) {
    Py_DECREF(direct);
    return nullptr;
  }
  direct->vectorcall = call;
  direct->python = Py_NewRef(python);
  direct->core = Py_NewRef(core);
  direct->function = function;
  direct->required = required < count ? required : count;
  return reinterpret_cast<PyObject*>(direct);
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  auto* direct = reinterpret_cast<Direct*>(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(direct->attributes);
  Py_VISIT(direct->python);
  Py_VISIT(direct->names);
  Py_VISIT(direct->core);
  return 0;
}
int clear(PyObject* self) {
  auto* direct = reinterpret_cast<Direct*>(self);
  Py_CLEAR(direct->attributes);
  Py_CLEAR(direct->python);
  Py_CLEAR(direct->names);
  Py_CLEAR(direct->core);
  return 0;
}
void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (reinterpret_cast<Direct*>(self)->weakrefs) PyObject_ClearWeakRefs(self);
  clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* repr(PyObject* self) { return PyObject_Repr(reinterpret_cast<Direct*>(self)->python); }

// Pickles and copies as functions do, by name.
PyObject* reduce(PyObject* self, PyObject*) { return PyObject_GetAttrString(self, "__qualname__"); }

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Direct, vectorcall), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(Direct, attributes), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Direct, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};
PyMethodDef methods[] = {{"__reduce__", reduce, METH_NOARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};
PyGetSetDef properties[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};
template <class F>
void* slot(F* function) { return reinterpret_cast<void*>(function); }
PyType_Slot slots[] = {{Py_tp_new, slot(construct)},   {Py_tp_call, slot(PyVectorcall_Call)}, {Py_tp_descr_get, slot(get)},
                       {Py_tp_traverse, slot(traverse)}, {Py_tp_clear, slot(clear)},          {Py_tp_dealloc, slot(dealloc)},
                       {Py_tp_repr, slot(repr)},       {Py_tp_members, members},              {Py_tp_methods, methods},
                       {Py_tp_getset, properties},     {0, nullptr}};
PyType_Spec spec = {"pyflame._core.Direct", sizeof(Direct), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR, slots};

}  // namespace

void register_direct(py::module_& module) {
  PyObject* type = PyType_FromSpec(&spec);
  if (!type) throw py::error_already_set();
  module.attr("Direct") = py::reinterpret_steal<py::object>(type);
}

}  // namespace pyflame::bindings
