// Steps of optimizers: an update op recorded for many parameters in one call.
#include "base/error.h"
#include "bindings/register.h"
#include "bindings/undo.h"
#include "bindings/update_rows.h"
#include "graph/line.h"
#include "runtime/eval.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

py::object borrowed(PyObject* object) { return py::reinterpret_borrow<py::object>(object); }
py::object taken(PyObject* object) {
  if (!object) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

PyObject* g_ops;  // the module of the records' functions

// From the function of an update op, or its name.
const Function& update_function(PyObject* given) {
  py::object object = PyUnicode_Check(given) ? taken(PyObject_GetAttr(g_ops, given)) : borrowed(given);
  const Function* f = function_of(object.ptr());
  if (!f || f->op->kind != graph::OpCategory::kUpdate) type_error("[update] expected the function of an update op");
  return *f;
}

Words read_words(const Function& f, PyObject* const* attrs, Py_ssize_t count) {
  Words words;
  if (count != static_cast<Py_ssize_t>(f.op->attr_defs.size())) {
    type_error("[" + std::string(f.op->name) + "] takes " + std::to_string(f.op->attr_defs.size()) + " attributes, got " + std::to_string(count));
  }
  for (Py_ssize_t a = 0; a < count; ++a) {
    words.count += read_attr(f, f.op->attr_defs[static_cast<std::size_t>(a)], attrs[a], nullptr, words.values + words.count, 1);
  }
  return words;
}

// Records the update of (param, grad, *state) at a source line and points param and state at its results.
void update_row(const Function& f, PyObject* const* row, const Words& words, u32 line) {
  Node* nodes[graph::kMaxOutputs + 1];
  const int count = static_cast<int>(f.op->input_names.size());
  for (int i = 0; i < count; ++i) {
    nodes[i] = node_of(row[i]);
    if (!nodes[i]) bad_argument(f, "rows", "tuples of tensors", row[i]);
  }
  if (!f.op->outputs_rule) return assign(as_tensor(row[0]), graph::apply(*f.op, nodes, count, words.values, words.count));
  Var outputs[graph::kMaxOutputs];
  int num_outputs;
  {
    graph::RecordingLine recording(line);
    num_outputs = graph::apply_multi(*f.op, nodes, count, words.values, words.count, outputs);
  }
  assign(as_tensor(row[0]), outputs[0]);
  for (int k = 1; k < num_outputs; ++k) assign(as_tensor(row[k + 1]), outputs[k]);
}

// update_all(function, rows, *attrs): an update for each row (param, grad, *state).
PyObject* update_all(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs < 2 || !PyList_Check(args[1])) {
    return PyErr_Format(PyExc_TypeError, "[update_all] expected an op function, a list of tuples and the op's attributes");
  }
  try {
    const Function& f = update_function(args[0]);
    Words words = read_words(f, args + 2, nargs - 2);
    const u32 line = graph::current_line();
    for (Py_ssize_t r = 0; r < PyList_GET_SIZE(args[1]); ++r) {
      py::object row = borrowed(PyList_GET_ITEM(args[1], r));
      if (!PyTuple_Check(row.ptr()) || PyTuple_GET_SIZE(row.ptr()) != static_cast<Py_ssize_t>(f.op->input_names.size())) {
        bad_argument(f, "rows", "tuples of the op's inputs", row.ptr());
      }
      update_row(f, reinterpret_cast<PyTupleObject*>(row.ptr())->ob_item, words, line);
    }
    Py_RETURN_NONE;
  } catch (...) {
    return translate_exception();
  }
}

// The entry of a dict; nullptr where there is none.
PyObject* find(PyObject* dict, PyObject* key) {
  PyObject* value = PyDict_GetItemWithError(dict, key);
  if (!value && PyErr_Occurred()) throw py::error_already_set();
  return value;
}

// False: some of the state is not there.
bool gather(PyObject* params, PyObject* state, PyObject* keys, bool counts, Rows* rows) {
  rows->reserve(static_cast<std::size_t>(PyList_GET_SIZE(params)));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(params); ++i) {
    PyObject* param = PyList_GET_ITEM(params, i);
    TensorObject* tensor = as_tensor(param);
    if (!tensor) type_error("[update_params] params: expected tensors, got " + std::string(Py_TYPE(param)->tp_name));
    if (!tensor->grad) continue;
    PyObject* entry = find(state, param);
    if (entry && !PyDict_Check(entry)) {
      type_error("[update_params] state: expected a dict for each parameter, got " + std::string(Py_TYPE(entry)->tp_name));
    }
    if (!entry && (counts || PyTuple_GET_SIZE(keys))) return false;
    rows->add(param);
    rows->add(tensor->grad);
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(keys); ++k) {
      PyObject* value = find(entry, PyTuple_GET_ITEM(keys, k));
      rows->add(value);  // also when there is none, for the rows to stay whole
      if (!value) {
        while (++k < PyTuple_GET_SIZE(keys)) rows->add(nullptr);
        rows->add(nullptr);
        return false;
      }
    }
    rows->add(entry);
  }
  return true;
}

// The count of steps in `entry`, one higher than before.
long long counted(PyObject* entry, PyObject* counter) {
  PyObject* before = find(entry, counter);
  if (!before) {
    PyErr_SetObject(PyExc_KeyError, counter);
    throw py::error_already_set();
  }
  long long count = PyLong_AsLongLong(before) + 1;
  if (PyErr_Occurred()) throw py::error_already_set();
  if (PyDict_SetItem(entry, counter, taken(PyLong_FromLongLong(count)).ptr()) < 0) throw py::error_already_set();
  return count;
}

// update_params(record, params, state, keys, attrs, counter or None) -> list of parameters, or None
PyObject* update_params(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs != 6 || !PyList_Check(args[1]) || !PyDict_Check(args[2]) || !PyTuple_Check(args[3])) {
    return PyErr_Format(PyExc_TypeError, "[update_params] expected the name of an op, a list of parameters, a dict, a tuple of keys, "
                                         "attributes, and a key or None");
  }
  PyObject *keys = args[3], *attrs = args[4], *counter = args[5];
  try {
    const Function& f = update_function(args[0]);
    if (2 + PyTuple_GET_SIZE(keys) != static_cast<Py_ssize_t>(f.op->input_names.size())) {
      type_error("[update_params] " + std::string(f.op->name) + " has " + std::to_string(f.op->input_names.size() - 2) + " states, got " +
                 std::to_string(PyTuple_GET_SIZE(keys)) + " keys");
    }
    Rows rows(f.op->input_names.size());
    if (!gather(args[1], args[2], keys, counter != Py_None, &rows)) Py_RETURN_NONE;
    auto words_of = [&](PyObject* given) {
      if (!PyTuple_Check(given)) type_error("[update_params] attrs: expected a tuple, got " + std::string(Py_TYPE(given)->tp_name));
      return read_words(f, reinterpret_cast<PyTupleObject*>(given)->ob_item, PyTuple_GET_SIZE(given));
    };
    std::vector<Words> words;
    std::vector<u32> which(rows.size());
    if (counter == Py_None) words.push_back(words_of(attrs));
    long long count = -1;
    for (std::size_t r = 0; counter != Py_None && r < rows.size(); ++r) {
      long long mine = counted(rows.entry(r), counter);
      if (mine != count) words.push_back(words_of(taken(PyObject_CallOneArg(attrs, taken(PyLong_FromLongLong(mine)).ptr())).ptr()));
      count = mine;
      which[r] = static_cast<u32>(words.size() - 1);
    }
    py::object updated = taken(PyList_New(static_cast<Py_ssize_t>(rows.size())));
    for (std::size_t r = 0; r < rows.size(); ++r) PyList_SET_ITEM(updated.ptr(), static_cast<Py_ssize_t>(r), Py_NewRef(rows[r][0]));
    if (!update_in_place(f, rows, words, which)) {
      const u32 line = graph::current_line();
      for (std::size_t r = 0; r < rows.size(); ++r) update_row(f, rows[r], words[which[r]], line);
    }
    return updated.release().ptr();
  } catch (...) {
    return translate_exception();
  }
}

// Appends the tensors of `params` that have a gradient to `found`, and the gradients to `roots`; returns their elements.
i64 collect_gradients(PyObject* params, PyObject* found, std::vector<Var>* roots) {
  if (!PyList_Check(params)) type_error("[start_step] params: expected a list, got " + std::string(Py_TYPE(params)->tp_name));
  i64 elements = 0;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(params); ++i) {
    PyObject* param = PyList_GET_ITEM(params, i);
    const TensorObject* tensor = as_tensor(param);
    if (!tensor) type_error("[start_step] params: expected tensors, got " + std::string(Py_TYPE(param)->tp_name));
    if (!tensor->grad) continue;
    if (PyList_Append(found, param) < 0) throw py::error_already_set();
    roots->emplace_back(node_of(tensor->grad));
    elements += roots->back()->numel();
  }
  return elements;
}

// start_step(groups, waiting, state, in_place): a list for each group of those of its "params" that have a gradient, and
// the way back, or None where the gradients have been evaluated.
PyObject* start_step(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs != 4 || !PyList_Check(args[0]) || !PyList_Check(args[1]) || !PyDict_Check(args[2])) {
    return PyErr_Format(PyExc_TypeError, "[start_step] expected a list of parameter groups, a list of tensors, a dict and a bool");
  }
  try {
    static PyObject* const key = PyUnicode_InternFromString("params");
    py::object result = taken(PyList_New(0));
    std::vector<Var> roots;
    i64 elements = 0;
    for (Py_ssize_t g = 0; g < PyList_GET_SIZE(args[0]); ++g) {
      PyObject* group = PyList_GET_ITEM(args[0], g);
      PyObject* params = PyDict_Check(group) ? find(group, key) : nullptr;
      if (!params) type_error("[start_step] groups: expected dicts with \"params\"");
      py::object found = taken(PyList_New(0));
      elements += collect_gradients(params, found.ptr(), &roots);
      if (PyList_Append(result.ptr(), found.ptr()) < 0) return nullptr;
    }
    if (PyObject* loss = pending_loss(); loss && PyList_Append(args[1], taken(loss).ptr()) < 0) return nullptr;
    if (args[3] == Py_True && elements <= kFewElements) {
      for (Py_ssize_t i = 0; i < PyList_GET_SIZE(args[1]); ++i) {
        Node* node = node_of(PyList_GET_ITEM(args[1], i));
        if (!node) type_error("[start_step] waiting: expected tensors");
        roots.emplace_back(node);
      }
      std::vector<Node*> nodes;
      for (const Var& root : roots) nodes.push_back(root.get());
      runtime::eval(nodes.data(), nodes.size());
      return PyTuple_Pack(2, result.ptr(), Py_None);
    }
    py::list params;
    for (py::handle found : result) params += py::reinterpret_borrow<py::list>(found);
    return py::make_tuple(result, std::make_unique<Undo>(params, py::reinterpret_borrow<py::dict>(args[2]))).release().ptr();
  } catch (...) {
    return translate_exception();
  }
}

// forget_grads(tensors): lets go of the gradients.
PyObject* forget_grads(PyObject*, PyObject* tensors) {
  if (!PyList_Check(tensors)) return PyErr_Format(PyExc_TypeError, "[forget_grads] expected a list of tensors");
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(tensors); ++i) {
    PyObject* item = PyList_GET_ITEM(tensors, i);
    TensorObject* tensor = as_tensor(item);
    if (!tensor) return PyErr_Format(PyExc_TypeError, "[forget_grads] expected tensors, got %s", Py_TYPE(item)->tp_name);
    Py_CLEAR(tensor->grad);
  }
  Py_RETURN_NONE;
}

template <class F>
PyCFunction fast(F* function) { return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(function)); }
PyMethodDef functions[] = {
    {"update_all", fast(update_all), METH_FASTCALL, nullptr},
    {"update_params", fast(update_params), METH_FASTCALL, nullptr},
    {"start_step", fast(start_step), METH_FASTCALL, nullptr},
    {"forget_grads", forget_grads, METH_O, nullptr},
};

}  // namespace

void register_updates(py::module_& module) {
  g_ops = py::object(module.attr("ops")).release().ptr();
  for (PyMethodDef& function : functions) module.attr(function.ml_name) = taken(PyCFunction_New(&function, nullptr));
}

}  // namespace pyflame::bindings
