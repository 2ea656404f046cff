// The kind of a call's arguments as bytes, and what recording depends on beside them.
#include "bindings/recording.h"
#include "bindings/register.h"
#include "bindings/storage.h"
#include "runtime/eval.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

// What recording depends on beside arguments and state; -1 where recording must be watched as it happens.
i64 recording_mode() {
  bool watched = runtime::eager() || runtime::debug() || runtime::record_flags() || runtime::collecting();
  if (watched) return -1;
  return (graph::autocast_dtype() + 1) * 64 + static_cast<int>(default_dtype()) * 2 + graph::grad_enabled();
}

// Arguments as bytes: equal for those that a recording serves alike. Tensors are appended to a list.
class Signature {
 public:
  // any_tensor: objects of subclasses of Tensor, such as parameters, are tensors like others.
  Signature(PyObject* tensors, bool any_tensor) : tensors_(tensors), any_tensor_(any_tensor) { number(recording_mode()); }

  // False for values that need a closer look.
  bool add(PyObject* value) {
    PyTypeObject* type = Py_TYPE(value);
    if (type == tensor_type) return add_tensor(value);
    if (type == &PyFloat_Type) return tag('f'), real(PyFloat_AS_DOUBLE(value)), true;
    if (type == &PyBool_Type) return tag(value == Py_True ? 't' : 'u'), true;
    if (value == Py_None) return tag('n'), true;
    if (type == &PyLong_Type) return add_integer(value);
    if (type == &PyUnicode_Type) return add_text(value);
    if (type == &PyTuple_Type || type == &PyList_Type) return add_items(value, type == &PyTuple_Type ? '(' : '[');
    if (type == &PyDict_Type) return add_dict(value);
    return any_tensor_ && as_tensor(value) && add_tensor(value);
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void tag(char c) { bytes_ += c; }
  void number(i64 value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void real(double value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }

  bool add_tensor(PyObject* value) {
    const Node* node = current(as_tensor(value));
    tag('T');
    number(node->layout | static_cast<i64>(node->flags & kCompared) << 16 | static_cast<i64>(node->dtype) << 32 |
           static_cast<i64>(node->ndim) << 40);
    for (int d = 0; d < node->ndim; ++d) number(node->dims()[d]);
    return PyList_Append(tensors_, value) == 0;
  }

  bool add_integer(PyObject* value) {
    int overflow = 0;
    long long word = PyLong_AsLongLongAndOverflow(value, &overflow);
    tag('i');
    number(word);
    return !overflow;
  }

  bool add_text(PyObject* value) {
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(value, &size);
    if (!text) {
      PyErr_Clear();  // what UTF-8 cannot say
      return false;
    }
    tag('s');
    number(size);
    bytes_.append(text, static_cast<std::size_t>(size));
    return true;
  }

  bool add_items(PyObject* value, char kind) {
    Py_ssize_t count = PySequence_Fast_GET_SIZE(value);
    tag(kind);
    number(count);
    for (Py_ssize_t i = 0; i < count; ++i) {
      if (!add(PySequence_Fast_GET_ITEM(value, i))) return false;
    }
    return true;
  }

  bool add_dict(PyObject* value) {
    tag('{');
    number(PyDict_GET_SIZE(value));
    PyObject *key, *item;
    for (Py_ssize_t position = 0; PyDict_Next(value, &position, &key, &item);) {
      if (!add(key) || !add(item)) return false;
    }
    return true;
  }

  PyObject* tensors_;
  bool any_tensor_;
  std::string bytes_;
};

// signature(args, kwargs, tensors, any_tensor): bytes; None where there is none, or where recording must be watched.
PyObject* signature(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs != 4 || !PyTuple_Check(args[0]) || !PyDict_Check(args[1]) || !PyList_Check(args[2])) {
    return PyErr_Format(PyExc_TypeError, "[signature] expected a tuple, a dict, a list and a bool");
  }
  try {
    if (recording_mode() < 0) Py_RETURN_NONE;
    Signature found(args[2], args[3] == Py_True);
    if (found.add(args[0]) && found.add(args[1])) {
      return PyBytes_FromStringAndSize(found.bytes().data(), static_cast<Py_ssize_t>(found.bytes().size()));
    }
    if (PyErr_Occurred()) return nullptr;
    Py_RETURN_NONE;
  } catch (...) {
    return translate_exception();
  }
}

PyMethodDef g_signature = {"signature", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(signature)), METH_FASTCALL, nullptr};

// Handles and their numbers of writes as bytes; None where a value is pending or gradients are recorded.
py::object value_key(const py::list& tensors) {
  std::string bytes;
  for (py::handle item : tensors) {
    TensorObject* tensor = as_tensor(item.ptr());
    if (!tensor) throw py::type_error(std::string("[value_key] expected tensors, got ") + Py_TYPE(item.ptr())->tp_name);
    const Node* node = current(tensor);
    if (!node->value || (graph::grad_enabled() && node->has(graph::kRequiresGrad))) return py::none();
    u64 words[] = {reinterpret_cast<std::uintptr_t>(tensor), writes_of(tensor)};
    bytes.append(reinterpret_cast<const char*>(words), sizeof words);
  }
  return py::bytes(bytes);
}

}  // namespace

void register_signature(py::module_& module) {
  module.def("recording_mode", recording_mode);
  module.def("value_key", value_key);
  module.attr("signature") = py::reinterpret_steal<py::object>(PyCFunction_New(&g_signature, nullptr));
}

}  // namespace pyflame::bindings
