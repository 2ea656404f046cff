// The FASTCALL functions of pyflame._core.ops, one per record: arguments are parsed from the record's own declaration.
#include "bindings/operators.h"

#include <cstring>

#include "base/error.h"
#include "bindings/storage.h"
#include "ops/functions.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

using graph::AttrDef;
using graph::AttrKind;
using graph::kNoDim;
using graph::OpDef;
using graph::Scalar;

struct Function {
  const OpDef* op;
  PyMethodDef def;
  std::string doc;
  std::vector<PyObject*> names;  // interned: inputs, then attributes
  bool is_view;
};

[[noreturn]] void bad_argument(const Function& f, const char* name, const char* expected, PyObject* got) {
  type_error("[" + std::string(f.op->name) + "] " + name + ": expected " + expected + ", got " + Py_TYPE(got)->tp_name);
}

i64 read_int(const Function& f, const char* name, PyObject* object) {
  if (PyFloat_Check(object)) bad_argument(f, name, "an integer", object);
  i64 value = PyLong_AsLongLong(object);
  if (value == -1 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) throw py::error_already_set();
    PyErr_Clear();
    bad_argument(f, name, "an integer", object);
  }
  return value;
}

double read_float(const Function& f, const char* name, PyObject* object) {
  double value = PyFloat_AsDouble(object);
  if (value == -1.0 && PyErr_Occurred()) {
    PyErr_Clear();
    bad_argument(f, name, "a number", object);
  }
  return value;
}

// Reads integers from a list or tuple (or one integer) after words[0], their count.
int read_ints(const Function& f, const char* name, PyObject* object, i64* words, int room) {
  if (PyLong_Check(object)) {
    words[0] = 1;
    words[1] = read_int(f, name, object);
    return 2;
  }
  if (!PyTuple_Check(object) && !PyList_Check(object)) bad_argument(f, name, "a tuple of integers", object);
  Py_ssize_t n = PySequence_Fast_GET_SIZE(object);
  if (n >= room || n > kMaxDims) value_error("[" + std::string(f.op->name) + "] " + name + " has " + std::to_string(n) + " entries: at most " + std::to_string(kMaxDims) + " are supported");
  words[0] = n;
  for (Py_ssize_t i = 0; i < n; ++i) words[1 + i] = read_int(f, name, PySequence_Fast_GET_ITEM(object, i));
  return static_cast<int>(n) + 1;
}

i64 read_dims(const Function& f, const char* name, PyObject* object, const Node* x) {
  if (!object || object == Py_None) return (i64{1} << x->ndim) - 1;
  if (PyLong_Check(object)) {
    int dim = wrap_dim(f.op->name, read_int(f, name, object), x->ndim);
    return x->ndim ? i64{1} << dim : 0;
  }
  i64 list[kMaxDims + 1], mask = 0;
  int n = read_ints(f, name, object, list, kMaxDims + 1);
  if (n == 1) return (i64{1} << x->ndim) - 1;  // an empty tuple means all, as in PyTorch
  for (int i = 1; i < n; ++i) {
    i64 bit = i64{1} << wrap_dim(f.op->name, list[i], x->ndim);
    if (mask & bit) {
      runtime_error("[" + std::string(f.op->name) + "] dim " + std::to_string(list[i]) + " appears more than once");
    }
    mask |= bit;
  }
  return x->ndim ? mask : 0;
}

int read_dtype(const Function& f, const char* name, PyObject* object) {
  if (!object || object == Py_None) return -1;
  int code = dtype_code(object);
  if (code < 0) throw py::error_already_set();
  return code;
}

// Appends the words of one attribute; returns how many.
int read_attr(const Function& f, const AttrDef& attr, PyObject* object, const Node* x, i64* words, int room) {
  if (!object && attr.required && attr.kind != AttrKind::kDims) type_error("[" + std::string(f.op->name) + "] is missing the argument " + attr.name);
  bool absent = !object || (object == Py_None && attr.kind != AttrKind::kDims);
  switch (attr.kind) {
    case AttrKind::kDims: words[0] = read_dims(f, attr.name, object, x); return 1;
    case AttrKind::kDType: words[0] = read_dtype(f, attr.name, object); return 1;
    case AttrKind::kInts: return read_ints(f, attr.name, object, words, room);
    case AttrKind::kDim:
      words[0] = absent ? attr.fallback : read_int(f, attr.name, object);
      if (words[0] != kNoDim) words[0] = wrap_dim(f.op->name, words[0], x->ndim);
      return 1;
    case AttrKind::kFloat:
    case AttrKind::kParamFloat: {
      if (absent) {
        words[0] = attr.fallback;
      } else {
        double value = read_float(f, attr.name, object);
        std::memcpy(words, &value, sizeof value);
      }
      return 1;
    }
    case AttrKind::kBool: words[0] = absent ? attr.fallback : PyObject_IsTrue(object); return 1;
    case AttrKind::kScalar: return 1;  // depends on the dtype: filled in at the end
    case AttrKind::kInt:
    case AttrKind::kParamInt: words[0] = absent ? attr.fallback : read_int(f, attr.name, object); return 1;
  }
  return 0;
}

void fill_scalar(const Function& f, PyObject* object, i64* words) {
  Scalar scalar;
  if (!read_scalar(object, &scalar)) {
    if (PyErr_Occurred()) throw py::error_already_set();
    double value = read_float(f, "value", object);
    scalar = {Category::kFloat, value, static_cast<i64>(value)};
  }
  if (is_floating(static_cast<DType>(words[1]))) {
    std::memcpy(words, &scalar.real, sizeof(double));
  } else {
    words[0] = scalar.category == Category::kFloat ? static_cast<i64>(scalar.real) : scalar.integer;
  }
}

// Distributes positional and keyword arguments over the declared names.
void bind(const Function& f, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject** bound) {
  Py_ssize_t total = static_cast<Py_ssize_t>(f.names.size());
  if (nargs > total) {
    type_error("[" + std::string(f.op->name) + "] takes at most " + std::to_string(total) + " arguments, got " + std::to_string(nargs));
  }
  for (Py_ssize_t i = 0; i < nargs; ++i) bound[i] = args[i];
  for (Py_ssize_t i = nargs; i < total; ++i) bound[i] = nullptr;
  Py_ssize_t count = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t k = 0; k < count; ++k) {
    PyObject* name = PyTuple_GET_ITEM(kwnames, k);
    Py_ssize_t i = 0;
    while (i < total && f.names[static_cast<std::size_t>(i)] != name &&
           PyUnicode_Compare(f.names[static_cast<std::size_t>(i)], name) != 0) {
      ++i;
    }
    if (i == total || bound[i]) {
      type_error("[" + std::string(f.op->name) + "] " + (i == total ? "has no argument " : "got two values for ") + PyUnicode_AsUTF8(name));
    }
    bound[i] = args[nargs + k];
  }
}

Var read_operand(const Function& f, const char* name, PyObject* object) {
  if (!object) type_error("[" + std::string(f.op->name) + "] is missing the argument " + name);
  Var var = Var::steal(operand_node(object));
  if (!var) {
    if (PyErr_Occurred()) throw py::error_already_set();
    bad_argument(f, name, "a Tensor", object);
  }
  return var;
}

// Numbers become 0-d tensors of the dtype the op will compute in, so that none is rounded to another dtype on the way.
void convert_numbers(const Function& f, const Scalar* scalars, u32 numbers, Node** nodes, int count, std::vector<Var>* held) {
  static const OpDef& full = graph::registry().at("full");
  std::vector<Node*> tensors;
  for (int i = 0; i < count; ++i) {
    if (nodes[i] && (f.op->promoted >> i & 1)) tensors.push_back(nodes[i]);
  }
  DType common = tensors.empty() ? DType::kBool : graph::result_dtype(tensors.data(), static_cast<int>(tensors.size()), ~0u);
  for (int i = 0; i < count; ++i) {
    if (numbers >> i & 1) common = promote_ranked(common, graph::scalar_dtype(scalars[i]));
  }
  for (int i = 0; i < count; ++i) {
    if (!(numbers >> i & 1)) continue;
    i64 words[3] = {scalars[i].integer, static_cast<i64>(common), 0};
    if (is_floating(common)) std::memcpy(words, &scalars[i].real, sizeof(double));
    held->push_back(graph::apply(full, nullptr, 0, words, 3));
    nodes[i] = held->back().get();
  }
}

PyObject* as_result(const Function& f, Node* const* nodes, int count, const i64* words, int num_words) {
  if (!f.op->outputs_rule) return wrap(graph::apply(*f.op, nodes, count, words, num_words));
  Var outputs[graph::kMaxOutputs];
  int num_outputs = graph::apply_multi(*f.op, nodes, count, words, num_words, outputs);
  PyObject* tuple = PyTuple_New(num_outputs);
  for (int k = 0; tuple && k < num_outputs; ++k) PyTuple_SET_ITEM(tuple, k, wrap(outputs[k]));
  return tuple;
}

const Function& function_of(PyObject* capsule) {
  return *static_cast<const Function*>(PyCapsule_GetPointer(capsule, nullptr));
}

PyObject* call_general(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  const Function& f = function_of(self);
  try {
    constexpr int kMaxWords = 96;
    PyObject* bound[24];
    i64 words[kMaxWords];
    bind(f, args, nargs, kwnames, bound);
    int inputs = static_cast<int>(f.op->input_names.size()), count = inputs;
    constexpr int kFew = 8;
    Node* few[kFew];
    std::vector<Node*> many;
    std::vector<Var> held;  // operands made here; tensors are kept alive by the caller
    Node** nodes = few;
    auto operand = [&](const char* name, PyObject* object) {
      if (Node* node = object ? node_of(object) : nullptr) return node;
      held.push_back(read_operand(f, name, object));
      return held.back().get();
    };
    if (f.op->is_variadic) {
      PyObject* list = bound[0];
      if (!list || (!PyList_Check(list) && !PyTuple_Check(list))) {
        bad_argument(f, f.op->input_names[0], "a list or tuple of tensors", list ? list : Py_None);
      }
      count = static_cast<int>(PySequence_Fast_GET_SIZE(list));
      many.resize(static_cast<std::size_t>(count));
      nodes = many.data();
      for (int i = 0; i < count; ++i) {  // converting one item may run code that changes the list: hold each
        held.push_back(read_operand(f, f.op->input_names[0], PySequence_Fast_GET_ITEM(list, i)));
        nodes[i] = held.back().get();
      }
    } else {
      u32 numbers = 0;
      Scalar scalars[kFew];
      for (int i = 0; i < inputs; ++i) {
        if ((nodes[i] = bound[i] ? node_of(bound[i]) : nullptr)) continue;
        bool number = bound[i] && (f.op->promoted >> i & 1) && read_scalar(bound[i], scalars + i);
        if (PyErr_Occurred()) throw py::error_already_set();
        numbers |= static_cast<u32>(number) << i;
        if (!number) nodes[i] = operand(f.op->input_names[static_cast<std::size_t>(i)], bound[i]);
      }
      if (numbers) convert_numbers(f, scalars, numbers, nodes, inputs, &held);
    }
    if (f.op->is_variadic && !count) {
      value_error("[" + std::string(f.op->name) + "] expected at least one tensor, got an empty list");
    }
    const Node* x = count ? nodes[0] : nullptr;
    int n = 0;
    PyObject* scalar = nullptr;
    for (std::size_t a = 0; a < f.op->attr_defs.size(); ++a) {
      const AttrDef& attr = f.op->attr_defs[a];
      PyObject* object = bound[static_cast<std::size_t>(inputs) + a];
      if (attr.kind == AttrKind::kScalar) scalar = object;
      n += read_attr(f, attr, object, x, words + n, kMaxWords - n < kMaxDims + 2 ? kMaxWords - n : kMaxDims + 2);
    }
    if (scalar) fill_scalar(f, scalar, words);
    PyObject* result = as_result(f, nodes, count, words, n);
    // A record with a view rule may share memory; `alias` is what clone() records.
    if (result && f.is_view && as_tensor(bound[0])) join_view(*f.op, words, as_tensor(result), as_tensor(bound[0]));
    return result;
  } catch (...) {
    return translate_exception();
  }
}

PyObject* call_unary(PyObject* self, PyObject* x) {
  const Function& f = function_of(self);
  try {
    if (Node* node = node_of(x)) return wrap(graph::apply_unary(*f.op, node));
    Var operand = read_operand(f, "x", x);
    return wrap(graph::apply_unary(*f.op, operand.get()));
  } catch (...) {
    return translate_exception();
  }
}

PyObject* call_binary(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  const Function& f = function_of(self);
  try {
    if (nargs != 2) type_error("[" + std::string(f.op->name) + "] takes 2 tensors, got " + std::to_string(nargs));
    Node *a = node_of(args[0]), *b = node_of(args[1]);
    if (a && b) return wrap(graph::apply_binary(*f.op, a, b));
    Scalar scalar;
    if (a && read_scalar(args[1], &scalar)) return wrap(graph::apply_scalar(*f.op, a, scalar, false));
    if (b && read_scalar(args[0], &scalar)) return wrap(graph::apply_scalar(*f.op, b, scalar, true));
    if (PyErr_Occurred()) return nullptr;
    Var left = read_operand(f, "a", args[0]), right = read_operand(f, "b", args[1]);
    return wrap(graph::apply_binary(*f.op, left.get(), right.get()));
  } catch (...) {
    return translate_exception();
  }
}

TensorObject* tensor_item(const Function& f, PyObject* row, Py_ssize_t i) {
  TensorObject* tensor = as_tensor(PyTuple_GET_ITEM(row, i));
  if (!tensor) bad_argument(f, "rows", "tuples of tensors", PyTuple_GET_ITEM(row, i));
  return tensor;
}

// update_all(function, rows, *attrs): for each row (param, grad, *state), records the update op with these attributes and
// points param and state at its results. One call for a whole parameter group.
PyObject* update_all(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs < 2 || !PyCFunction_Check(args[0]) || !PyList_Check(args[1])) {
    return PyErr_Format(PyExc_TypeError, "[update_all] expected an op function, a list of tuples and the op's attributes");
  }
  const Function& f = function_of(PyCFunction_GET_SELF(args[0]));
  try {
    constexpr int kMaxWords = 32;
    i64 words[kMaxWords];
    int n = 0, num_inputs = static_cast<int>(f.op->input_names.size());
    Py_ssize_t num_attrs = static_cast<Py_ssize_t>(f.op->attr_defs.size());
    if (nargs - 2 != num_attrs) type_error("[" + std::string(f.op->name) + "] takes " + std::to_string(num_attrs) + " attributes");
    for (Py_ssize_t a = 0; a < num_attrs; ++a) {
      n += read_attr(f, f.op->attr_defs[static_cast<std::size_t>(a)], args[2 + a], nullptr, words + n, 1);
    }
    for (Py_ssize_t r = 0; r < PyList_GET_SIZE(args[1]); ++r) {
      PyObject* row = PyList_GET_ITEM(args[1], r);
      if (!PyTuple_Check(row) || PyTuple_GET_SIZE(row) != num_inputs) bad_argument(f, "rows", "tuples of the op's inputs", row);
      Node* nodes[graph::kMaxOutputs + 1];
      for (int i = 0; i < num_inputs; ++i) nodes[i] = current(tensor_item(f, row, i));
      if (!f.op->outputs_rule) {
        assign(tensor_item(f, row, 0), graph::apply(*f.op, nodes, num_inputs, words, n));
        continue;
      }
      Var outputs[graph::kMaxOutputs];
      int num_outputs = graph::apply_multi(*f.op, nodes, num_inputs, words, n, outputs);
      assign(tensor_item(f, row, 0), outputs[0]);
      for (int k = 1; k < num_outputs; ++k) assign(tensor_item(f, row, k + 1), outputs[k]);
    }
    Py_RETURN_NONE;
  } catch (...) {
    return translate_exception();
  }
}
PyMethodDef g_update_all = {"update_all", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(update_all)), METH_FASTCALL, nullptr};

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
      static const OpDef& op = graph::registry().at("linear");
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

void add_function(py::module_& module, const OpDef& op) {
  auto* f = new Function{&op, {}, "", {}, op.view_rule && std::strcmp(op.name, "alias") != 0};  // lives as long as the function object: for ever
  std::string signature;
  for (const char* name : op.input_names) {
    f->names.push_back(PyUnicode_InternFromString(name));
    signature += std::string(signature.empty() ? "" : ", ") + name;
  }
  for (const AttrDef& attr : op.attr_defs) {
    f->names.push_back(PyUnicode_InternFromString(attr.name));
    signature += std::string(signature.empty() ? "" : ", ") + attr.name + (attr.required ? "" : "=None");
  }
  f->doc = std::string(op.name) + "(" + signature + ")\n--\n\n";
  bool table = op.tile_op >= 0 && !op.shape_rule;
  f->def.ml_name = op.name;
  f->def.ml_doc = f->doc.c_str();
  if (table && op.input_names.size() == 1) {
    f->def.ml_meth = call_unary;
    f->def.ml_flags = METH_O;
  } else if (table) {
    f->def.ml_meth = reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(call_binary));
    f->def.ml_flags = METH_FASTCALL;
  } else {
    f->def.ml_meth = reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(call_general));
    f->def.ml_flags = METH_FASTCALL | METH_KEYWORDS;
  }
  py::capsule self(f, nullptr, [](PyObject*) {});
  PyObject* function = PyCFunction_New(&f->def, self.ptr());
  if (!function) throw py::error_already_set();
  module.attr(op.name) = py::reinterpret_steal<py::object>(function);
}

}  // namespace

void register_functions(py::module_& module) {
  py::module_ ops = module.def_submodule("ops", "One function per op record; documented and typed in pyflame.ops.");
  for (std::size_t id = 0; id < graph::registry().size(); ++id) {
    const OpDef& op = graph::registry()[static_cast<graph::OpId>(id)];
    std::string_view name = op.name;
    if (name == "leaf" || name == "input" || name == "output" || op.name_rule) continue;
    add_function(ops, op);
  }
  module.attr("linear") = py::reinterpret_steal<py::object>(PyCFunction_New(&g_linear, nullptr));
  module.attr("update_all") = py::reinterpret_steal<py::object>(PyCFunction_New(&g_update_all, nullptr));
}

}  // namespace pyflame::bindings
