#include "bindings/functions.h"

#include <cstring>

#include "base/error.h"
#include "bindings/operators.h"
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

constexpr const char* kCapsule = "pyflame.op";

const Function& of_capsule(PyObject* capsule) {
  return *static_cast<const Function*>(PyCapsule_GetPointer(capsule, kCapsule));
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

}  // namespace

[[noreturn]] void bad_argument(const Function& f, const char* name, const char* expected, PyObject* got) {
  type_error("[" + std::string(f.op->name) + "] " + name + ": expected " + expected + ", got " + Py_TYPE(got)->tp_name);
}

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

namespace {

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

}  // namespace

const Function* function_of(PyObject* callable) {
  PyObject* capsule = PyCFunction_Check(callable) ? PyCFunction_GET_SELF(callable) : nullptr;
  return capsule && PyCapsule_IsValid(capsule, kCapsule) ? &of_capsule(capsule) : nullptr;
}

namespace {

Var record_unary(const Function& f, PyObject* x) {
  if (Node* node = x ? node_of(x) : nullptr) return graph::apply_unary(*f.op, node);
  Var operand = read_operand(f, "x", x);
  return graph::apply_unary(*f.op, operand.get());
}

Var record_binary(const Function& f, PyObject* x, PyObject* y) {
  Node *a = x ? node_of(x) : nullptr, *b = y ? node_of(y) : nullptr;
  if (a && b) return graph::apply_binary(*f.op, a, b);
  Scalar scalar;
  if (a && y && read_scalar(y, &scalar)) return graph::apply_scalar(*f.op, a, scalar, false);
  if (b && x && read_scalar(x, &scalar)) return graph::apply_scalar(*f.op, b, scalar, true);
  if (PyErr_Occurred()) throw py::error_already_set();
  Var left = read_operand(f, "a", x), right = read_operand(f, "b", y);
  return graph::apply_binary(*f.op, left.get(), right.get());
}

}  // namespace

PyObject* record_bound(const Function& f, PyObject* const* bound) {
  if (f.in_table) return wrap(f.names.size() == 1 ? record_unary(f, bound[0]) : record_binary(f, bound[0], bound[1]));
  constexpr int kMaxWords = 96;
  i64 words[kMaxWords];
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
}

namespace {

PyObject* call_general(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  const Function& f = of_capsule(self);
  try {
    PyObject* bound[kMaxArguments];
    bind(f, args, nargs, kwnames, bound);
    return record_bound(f, bound);
  } catch (...) {
    return translate_exception();
  }
}

PyObject* call_unary(PyObject* self, PyObject* x) {
  try {
    return wrap(record_unary(of_capsule(self), x));
  } catch (...) {
    return translate_exception();
  }
}

PyObject* call_binary(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  const Function& f = of_capsule(self);
  try {
    if (nargs != 2) type_error("[" + std::string(f.op->name) + "] takes 2 tensors, got " + std::to_string(nargs));
    return wrap(record_binary(f, args[0], args[1]));
  } catch (...) {
    return translate_exception();
  }
}

void add_function(py::module_& module, const OpDef& op) {
  const bool is_view = op.view_rule && std::strcmp(op.name, "alias") != 0, in_table = op.tile_op >= 0 && !op.shape_rule;
  auto* f = new Function{&op, {}, "", {}, is_view, in_table};  // lives as long as the function object: for ever
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
  f->def.ml_name = op.name;
  f->def.ml_doc = f->doc.c_str();
  if (in_table && op.input_names.size() == 1) {
    f->def.ml_meth = call_unary;
    f->def.ml_flags = METH_O;
  } else if (in_table) {
    f->def.ml_meth = reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(call_binary));
    f->def.ml_flags = METH_FASTCALL;
  } else {
    f->def.ml_meth = reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(call_general));
    f->def.ml_flags = METH_FASTCALL | METH_KEYWORDS;
  }
  py::capsule self(f, kCapsule);
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
}

}  // namespace pyflame::bindings
