// Python and NumPy numbers as operands.
#include "bindings/tensor_type.h"

#include "ops/functions.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

bool read_exact(PyObject* object, graph::Scalar* scalar) {
  if (PyFloat_CheckExact(object)) {
    double value = PyFloat_AS_DOUBLE(object);
    *scalar = {Category::kFloat, value, 0};
    return true;
  }
  if (PyLong_CheckExact(object)) {
    int overflow = 0;
    i64 value = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow) {
      PyErr_Format(PyExc_OverflowError, "[tensor] %R does not fit into 64 bits", object);
      return false;
    }
    *scalar = {Category::kInteger, static_cast<double>(value), value};
    return true;
  }
  if (PyBool_Check(object)) {
    bool value = object == Py_True;
    *scalar = {Category::kBool, static_cast<double>(value), value};
    return true;
  }
  return false;
}

}  // namespace

bool read_scalar(PyObject* object, graph::Scalar* scalar) {
  if (read_exact(object, scalar)) return true;
  if (PyErr_Occurred()) return false;
  // Subclasses (numpy.float64, IntEnum) by value; other NumPy scalars are typed and become 0-d tensors instead.
  if (PyFloat_Check(object)) {
    *scalar = {Category::kFloat, PyFloat_AS_DOUBLE(object), 0};
    return true;
  }
  if (PyLong_Check(object)) {
    int overflow = 0;
    i64 value = PyLong_AsLongLongAndOverflow(object, &overflow);
    *scalar = {Category::kInteger, static_cast<double>(value), value};
    return !overflow && !PyErr_Occurred();
  }
  return false;
}

Node* operand_node(PyObject* object) {
  if (Node* node = node_of(object)) {
    node->retain();
    return node;
  }
  graph::Scalar scalar;
  if (read_scalar(object, &scalar)) {
    DType dtype = graph::scalar_dtype(scalar);
    static const graph::OpDef& full = graph::registry().at("full");
    i64 words[3] = {scalar.integer, static_cast<i64>(dtype), 0};
    if (is_floating(dtype)) __builtin_memcpy(words, &scalar.real, sizeof(double));
    return graph::apply(full, nullptr, 0, words, 3).detach();
  }
  if (PyErr_Occurred() || !PyObject_HasAttrString(object, "__array__")) return nullptr;
  static PyObject* convert = py::object(py::module_::import("pyflame._tensor").attr("as_tensor")).release().ptr();
  PyObject* tensor = PyObject_CallOneArg(convert, object);
  if (!tensor) return nullptr;
  Node* node = node_of(tensor);
  node->retain();
  Py_DECREF(tensor);
  return node;
}

}  // namespace pyflame::bindings
