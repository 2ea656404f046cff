// Composites that training steps record most, each in one call.
#include "base/error.h"
#include "bindings/register.h"
#include "bindings/tensor_type.h"
#include "ops/functions.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

bool one_record(const Node* x, const Node* weight, const Node* bias) {
  return weight->ndim == 2 && bias->ndim == 1 && x->ndim > 0 && bias->dim[0] == weight->dim[0] &&
         x->dims()[x->ndim - 1] == weight->dim[1] && is_floating(x->dtype) && x->dtype == weight->dtype &&
         x->dtype == bias->dtype && !(x->layout | weight->layout | bias->layout);
}

// linear(x, weight, bias or None): x @ weight.T + bias, as one record where it has no other operands than a layer's.
PyObject* linear(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  Node* x = nargs == 3 ? node_of(args[0]) : nullptr;
  Node* weight = nargs == 3 ? node_of(args[1]) : nullptr;
  Node* bias = nargs == 3 && args[2] != Py_None ? node_of(args[2]) : nullptr;
  if (!x || !weight || (!bias && args[2] != Py_None)) {
    return PyErr_Format(PyExc_TypeError, "[linear] expected tensors: input, weight and bias (or None)");
  }
  try {
    if (bias && one_record(x, weight, bias)) {
      static const graph::OpDef& op = graph::registry().at("linear");
      Node* nodes[] = {x, weight, bias};
      return wrap(graph::apply(op, nodes, 3));
    }
    if (weight->ndim != 2 && weight->ndim != 1) {
      runtime_error("[linear] weight has shape " + to_string(weight->shape()) + ": expected (out_features, in_features) or (in_features,)");
    }
    Var product = ops::matmul(Var(x), weight->ndim == 1 ? Var(weight) : ops::transpose_last(Var(weight)));
    if (!bias) return wrap(product);
    bool lowered = graph::autocast_dtype() >= 0 && product->dtype != bias->dtype && bias->dtype != DType::kFloat64;
    return wrap(ops::add(product, lowered ? ops::cast(Var(bias), product->dtype) : Var(bias)));
  } catch (...) {
    return translate_exception();
  }
}
PyMethodDef g_linear = {"linear", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(linear)), METH_FASTCALL, nullptr};


bool are_classes_of(const Node* target, const Node* x) {
  if (x->ndim == 0 || target->ndim != x->ndim - 1 || target->dtype != DType::kInt64) return false;
  const int classes = x->ndim > 1;
  for (int i = 0; i < target->ndim; ++i) {
    if (target->dims()[i] != x->dims()[i < classes ? i : i + 1]) return false;
  }
  return true;
}

// The number of a reduction in nll_loss; -1: none of them.
int reduction_code(PyObject* name) {
  if (!PyUnicode_Check(name)) return -1;
  constexpr const char* names[] = {"none", "mean", "sum"};
  for (int code = 0; code < 3; ++code) {
    if (PyUnicode_CompareWithASCIIString(name, names[code]) == 0) return code;
  }
  return -1;
}

// class_cross_entropy(x, target, ignore_index, reduction): the negative log-likelihood of log_softmax(x); None, with
// nothing recorded, where arguments need conversions or do not fit.
PyObject* class_cross_entropy(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  static const graph::OpDef& log_softmax = graph::registry().at("log_softmax");
  static const graph::OpDef& nll_loss = graph::registry().at("nll_loss");
  Node* x = nargs == 4 ? node_of(args[0]) : nullptr;
  Node* target = nargs == 4 ? node_of(args[1]) : nullptr;
  if (!x || !target || !(args[2] == Py_None || PyLong_Check(args[2]))) Py_RETURN_NONE;
  if (graph::autocast_dtype() >= 0 || !is_floating(x->dtype) || !are_classes_of(target, x)) Py_RETURN_NONE;
  const i64 ignored = args[2] == Py_None ? -100 : PyLong_AsLongLong(args[2]);
  if (PyErr_Occurred()) return nullptr;
  const i64 reduction = args[3] == Py_None ? 1 : reduction_code(args[3]);
  if (reduction < 0) Py_RETURN_NONE;
  try {
    if (x->ndim == 2 && (x->dtype == DType::kFloat32 || x->dtype == DType::kFloat64)) {
      static const graph::OpDef& op = graph::registry().at("class_cross_entropy");
      Node* operands[] = {x, target};
      const i64 words[] = {ignored, reduction};
      Var outputs[graph::kMaxOutputs];
      graph::apply_multi(op, operands, 2, words, 2, outputs);
      return wrap(outputs[0]);
    }
    Var logs = graph::apply(log_softmax, {Var(x)}, {x->ndim > 1});
    return wrap(graph::apply(nll_loss, {logs, Var(target)}, {ignored, reduction}));
  } catch (...) {
    return translate_exception();
  }
}
PyMethodDef g_class_cross_entropy = {
    "class_cross_entropy", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(class_cross_entropy)), METH_FASTCALL, nullptr};

}  // namespace

void register_composites(py::module_& module) {
  for (PyMethodDef* method : {&g_linear, &g_class_cross_entropy}) {
    module.attr(method->ml_name) = py::reinterpret_steal<py::object>(PyCFunction_New(method, nullptr));
  }
}

}  // namespace pyflame::bindings
