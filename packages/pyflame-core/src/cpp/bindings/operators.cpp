#include "bindings/operators.h"

#include <cmath>

#include "base/error.h"
#include "bindings/tensor_type.h"
#include "ops/functions.h"

namespace pyflame::bindings {

namespace {

using graph::OpDef;
using graph::registry;
using graph::Scalar;

// Nothing may escape a slot, so each body runs inside this.
template <class Body>
PyObject* guarded(Body&& body) {
  try {
    return wrap(body());
  } catch (...) {
    return translate_exception();
  }
}

PyObject* binary_slow(const OpDef& op, PyObject* a, PyObject* b) {
  Var left = Var::steal(operand_node(a));
  if (!left) {
    if (PyErr_Occurred()) return nullptr;
    Py_RETURN_NOTIMPLEMENTED;
  }
  Var right = Var::steal(operand_node(b));
  if (!right) {
    if (PyErr_Occurred()) return nullptr;
    Py_RETURN_NOTIMPLEMENTED;
  }
  return guarded([&] { return graph::apply_binary(op, left.get(), right.get()); });
}

inline PyObject* binary(const OpDef& op, PyObject* a, PyObject* b) {
  Node *x = node_of(a), *y = node_of(b);
  if (__builtin_expect(x && y, 1)) return guarded([&] { return graph::apply_binary(op, x, y); });
  Scalar scalar;
  if (x && read_scalar(b, &scalar)) return guarded([&] { return graph::apply_scalar(op, x, scalar, false); });
  if (y && !PyErr_Occurred() && read_scalar(a, &scalar)) return guarded([&] { return graph::apply_scalar(op, y, scalar, true); });
  if (PyErr_Occurred()) return nullptr;
  return binary_slow(op, a, b);
}

#define BINARY_SLOT(slot, op_name)                        \
  PyObject* slot(PyObject* a, PyObject* b) {              \
    static const OpDef& op = registry().at(op_name);      \
    return binary(op, a, b);                              \
  }
BINARY_SLOT(slot_add, "add")
BINARY_SLOT(slot_sub, "sub")
BINARY_SLOT(slot_mul, "mul")
BINARY_SLOT(slot_div, "div")
BINARY_SLOT(slot_floor_divide, "floor_divide")
BINARY_SLOT(slot_remainder, "remainder")
BINARY_SLOT(slot_and, "bitwise_and")
BINARY_SLOT(slot_or, "bitwise_or")
BINARY_SLOT(slot_xor, "bitwise_xor")
BINARY_SLOT(slot_shl, "bitwise_left_shift")
BINARY_SLOT(slot_shr, "bitwise_right_shift")
#undef BINARY_SLOT

PyObject* slot_matmul(PyObject* a, PyObject* b) {
  static const OpDef& op = registry().at("matmul");
  Node* pair[2] = {node_of(a), node_of(b)};
  if (!pair[0] || !pair[1]) Py_RETURN_NOTIMPLEMENTED;
  return guarded([&] { return graph::apply(op, pair, 2); });
}

#define UNARY_SLOT(slot, op_name)                                               \
  PyObject* slot(PyObject* x) {                                                 \
    static const OpDef& op = registry().at(op_name);                            \
    return guarded([&] { return graph::apply_unary(op, node_of(x)); });         \
  }
UNARY_SLOT(slot_neg, "neg")
UNARY_SLOT(slot_positive, "positive")
UNARY_SLOT(slot_abs, "abs")
UNARY_SLOT(slot_invert, "bitwise_not")
#undef UNARY_SLOT

// Small constant exponents are ops of their own: exact, and far cheaper than a general power.
Var scalar_power(Node* x, const Scalar& exponent) {
  static const OpDef& pow_op = registry().at("pow");
  static const OpDef& square = registry().at("square");
  static const OpDef& sqrt = registry().at("sqrt");
  bool floating = is_floating(x->dtype);
  if (!floating && exponent.category != Category::kFloat && exponent.integer < 0) {
    runtime_error("[pow] integers to negative integer powers are not defined: convert x to a floating-point dtype");
  }
  if (floating || (exponent.category == Category::kInteger && x->dtype != DType::kBool)) {
    if (exponent.real == 2.0) return graph::apply_unary(square, x);
    if (exponent.real == 3.0) return ops::mul(Var(x), Var::steal(graph::apply_unary(square, x).detach()));
    if (floating && exponent.real == 0.5) return graph::apply_unary(sqrt, x);
  }
  return graph::apply_scalar(pow_op, x, exponent, false);
}

PyObject* slot_power(PyObject* a, PyObject* b, PyObject* modulus) {
  static const OpDef& op = registry().at("pow");
  if (modulus != Py_None) return PyErr_Format(PyExc_TypeError, "[pow] a modulus is not supported");
  Node* x = node_of(a);
  Scalar exponent;
  if (x && !node_of(b) && read_scalar(b, &exponent)) return guarded([&] { return scalar_power(x, exponent); });
  if (PyErr_Occurred()) return nullptr;
  return binary(op, a, b);
}

PyObject* slot_compare(PyObject* a, PyObject* b, int which) {
  static const OpDef* const records[] = {&registry().at("lt"), &registry().at("le"), &registry().at("eq"),
                                         &registry().at("ne"), &registry().at("gt"), &registry().at("ge")};
  return binary(*records[which], a, b);
}

Py_hash_t identity_hash(PyObject* self) { return _Py_HashPointer(self); }

int truth(PyObject* self) {
  static PyObject* convert = nullptr;
  if (!convert) {
    PyObject* module = PyImport_ImportModule("pyflame._tensor");
    convert = module ? PyObject_GetAttrString(module, "truth") : nullptr;
    Py_XDECREF(module);
    if (!convert) return -1;
  }
  PyObject* result = PyObject_CallOneArg(convert, self);
  if (!result) return -1;
  int value = PyObject_IsTrue(result);
  Py_DECREF(result);
  return value;
}

}  // namespace

std::vector<PyType_Slot> operator_slots() {
  auto p = [](auto* function) { return reinterpret_cast<void*>(function); };
  return {
      {Py_nb_add, p(slot_add)},
      {Py_nb_subtract, p(slot_sub)},
      {Py_nb_multiply, p(slot_mul)},
      {Py_nb_true_divide, p(slot_div)},
      {Py_nb_floor_divide, p(slot_floor_divide)},
      {Py_nb_remainder, p(slot_remainder)},
      {Py_nb_power, p(slot_power)},
      {Py_nb_matrix_multiply, p(slot_matmul)},
      {Py_nb_negative, p(slot_neg)},
      {Py_nb_positive, p(slot_positive)},
      {Py_nb_absolute, p(slot_abs)},
      {Py_nb_invert, p(slot_invert)},
      {Py_nb_and, p(slot_and)},
      {Py_nb_or, p(slot_or)},
      {Py_nb_xor, p(slot_xor)},
      {Py_nb_lshift, p(slot_shl)},
      {Py_nb_rshift, p(slot_shr)},
      {Py_nb_bool, p(truth)},
      {Py_tp_richcompare, p(slot_compare)},
      {Py_tp_hash, p(identity_hash)},
  };
}

}  // namespace pyflame::bindings
