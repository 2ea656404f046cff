// The parameters of an optimizer with their gradients and state, gathered from its dicts in one call.
#include "bindings/register.h"
#include "bindings/tensor_type.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

py::object borrowed(PyObject* object) { return py::reinterpret_borrow<py::object>(object); }
py::object taken(PyObject* object) {
  if (!object) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

// The entry of a dict, or an empty object.
py::object find(PyObject* dict, PyObject* key) {
  PyObject* value = PyDict_GetItemWithError(dict, key);
  if (!value && PyErr_Occurred()) throw py::error_already_set();
  return borrowed(value);
}

// (param, grad, *state), or nothing when some of the state is not there.
py::object row_of(TensorObject* tensor, PyObject* entry, PyObject* keys) {
  Py_ssize_t count = PyTuple_GET_SIZE(keys);
  py::object row = taken(PyTuple_New(2 + count));
  PyTuple_SET_ITEM(row.ptr(), 0, borrowed(reinterpret_cast<PyObject*>(tensor)).release().ptr());
  PyTuple_SET_ITEM(row.ptr(), 1, borrowed(tensor->grad).release().ptr());
  for (Py_ssize_t i = 0; i < count; ++i) {
    py::object value = entry ? find(entry, PyTuple_GET_ITEM(keys, i)) : py::object();
    if (!value) return py::object();
    PyTuple_SET_ITEM(row.ptr(), 2 + i, value.release().ptr());
  }
  return row;
}

// The count of steps in `entry`, one higher than before.
py::object counted(PyObject* entry, PyObject* counter) {
  static PyObject* one = PyLong_FromLong(1);
  py::object before = find(entry, counter);
  if (!before) {
    PyErr_SetObject(PyExc_KeyError, counter);
    throw py::error_already_set();
  }
  py::object count = taken(PyNumber_Add(before.ptr(), one));
  if (PyDict_SetItem(entry, counter, count.ptr()) < 0) throw py::error_already_set();
  return count;
}

// update_rows(params, state, keys, counter or None) -> {count: rows} or None
PyObject* update_rows(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs != 4 || !PyList_Check(args[0]) || !PyDict_Check(args[1]) || !PyTuple_Check(args[2])) {
    return PyErr_Format(PyExc_TypeError, "[update_rows] expected a list of parameters, a dict, a tuple of keys, and a key or None");
  }
  PyObject *params = args[0], *state = args[1], *keys = args[2], *counter = args[3];
  try {
    py::list rows, entries;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(params); ++i) {
      py::object param = borrowed(PyList_GET_ITEM(params, i));
      TensorObject* tensor = as_tensor(param.ptr());
      if (!tensor) return PyErr_Format(PyExc_TypeError, "[update_rows] params: expected tensors, got %s", Py_TYPE(param.ptr())->tp_name);
      if (!tensor->grad) continue;
      py::object entry = find(state, param.ptr());
      if (entry && !PyDict_Check(entry.ptr())) {
        return PyErr_Format(PyExc_TypeError, "[update_rows] state: expected a dict for each parameter, got %s", Py_TYPE(entry.ptr())->tp_name);
      }
      py::object row = row_of(tensor, entry.ptr(), keys);
      if (!row || !entry) Py_RETURN_NONE;
      rows.append(row);
      entries.append(entry);
    }
    py::dict groups;
    if (counter == Py_None) {
      if (!rows.empty()) groups[py::int_(0)] = rows;
      return groups.release().ptr();
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      py::object count = counted(PyList_GET_ITEM(entries.ptr(), static_cast<Py_ssize_t>(i)), counter);
      py::object group = find(groups.ptr(), count.ptr());
      if (!group) groups[count] = group = py::list();
      if (PyList_Append(group.ptr(), PyList_GET_ITEM(rows.ptr(), static_cast<Py_ssize_t>(i))) < 0) return nullptr;
    }
    return groups.release().ptr();
  } catch (...) {
    return translate_exception();
  }
}
PyMethodDef g_update_rows = {"update_rows", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(update_rows)), METH_FASTCALL, nullptr};

}  // namespace

void register_update_rows(py::module_& module) {
  module.attr("update_rows") = py::reinterpret_steal<py::object>(PyCFunction_New(&g_update_rows, nullptr));
}

}  // namespace pyflame::bindings
