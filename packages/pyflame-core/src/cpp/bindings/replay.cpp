// What a Python function records, to be recorded again without Python.
#include <pybind11/stl.h>

#include <cstring>
#include <unordered_map>

#include "base/error.h"
#include "bindings/register.h"
#include "bindings/storage.h"
#include "graph/apply.h"
#include "runtime/eval.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

using graph::OpDef;
using graph::registry;

constexpr u16 kCompared = graph::kRequiresGrad | graph::kInference;

[[noreturn]] void refuse(const std::string& why) { value_error("[compile] " + why); }

bool shares_memory(const TensorObject* tensor) { return tensor->alias && tensor->alias->history->base; }

// Nodes in the order of recording, as a pattern: edges are numbers of earlier values, of which the first are the inputs.
class Recording {
 public:
  // `inputs` are tensors without values that the function was called on; `made` is everything it recorded.
  // written[k]: the input that output num_results + k is the new value of.
  Recording(const std::vector<Var>& inputs, const std::vector<Var>& outputs, const std::vector<Var>& made,
            std::vector<int> written, i64 seed, i64 first_draw)
      : num_inputs_(inputs.size()), written_(std::move(written)), seed_(seed), first_draw_(first_draw) {
    for (const Var& input : inputs) {
      specs_.push_back(input);
      numbers_[input.get()] = static_cast<u32>(numbers_.size());
    }
    u32 epoch = graph::next_epoch();
    for (const Var& node : made) node->mark = epoch;
    for (const Var& output : outputs) outputs_.push_back(visit(output.get(), epoch));
    if (steps_.empty()) refuse("records nothing");
    numbers_.clear();
  }

  // The results for other inputs; None where these are not of the kind that was recorded, False where they lie in memory
  // in a way that the function might tell or a write would show in. New values are written.
  py::object run(const py::list& tensors, i64 seed, i64 first_draw) {
    if (tensors.size() != num_inputs_) return py::none();
    std::vector<Var> values;
    values.reserve(num_inputs_ + constants_.size() + steps_.size());
    u32 epoch = graph::next_epoch();
    for (std::size_t i = 0; i < num_inputs_; ++i) {
      TensorObject* tensor = as_tensor(PyList_GET_ITEM(tensors.ptr(), static_cast<Py_ssize_t>(i)));
      if (!tensor) return py::none();
      Node* node = current(tensor);
      const Node* spec = specs_[i].get();
      if (node->dtype != spec->dtype || node->layout != spec->layout || ((node->flags ^ spec->flags) & kCompared) ||
          !same_shape(*node, *spec)) {
        return py::none();
      }
      bool out_of_order = tensor->alias && !is_contiguous(node->shape(), tensor->alias->reported);
      if (out_of_order || node->mark == epoch || (!written_.empty() && shares_memory(tensor))) return py::bool_(false);
      node->mark = epoch;
      values.emplace_back(node);
    }
    values.insert(values.end(), constants_.begin(), constants_.end());
    for (const Step& step : steps_) values.push_back(record(step, values, seed, first_draw));
    std::size_t num_results = outputs_.size() - written_.size();
    py::list results(num_results);
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      const Var& value = values[place(outputs_[k])];
      // Chains that grow from call to call are evaluated as those of single operations are.
      if (!value->value && value->depth >= graph::hooks.recorded_depth && graph::hooks.recorded) graph::hooks.recorded(value.get());
      if (k < num_results) {
        results[k] = py::cast(value);
      } else {
        PyObject* target = PyList_GET_ITEM(tensors.ptr(), written_[k - num_results]);
        write(as_tensor(target), value, true);
      }
    }
    return std::move(results);
  }

  std::size_t size() const { return steps_.size(); }

 private:
  struct Step {
    Var source;
    std::vector<u32> inputs;
  };

  static constexpr u32 kConstant = 1u << 30, kStep = 1u << 31;

  // Inputs, constants and steps are numbered apart while they are found, and lie one after another in a run.
  std::size_t place(u32 number) const {
    if (number & kStep) return num_inputs_ + constants_.size() + (number & ~kStep);
    if (number & kConstant) return num_inputs_ + (number & ~kConstant);
    return number;
  }

  u32 visit(Node* root, u32 epoch) {
    std::vector<Node*> stack{root};
    while (!stack.empty()) {
      Node* node = stack.back();
      if (numbers_.count(node)) {
        stack.pop_back();
        continue;
      }
      check(node, epoch);
      std::size_t before = stack.size();
      if (!node->value) {
        for (int i = node->num_inputs; i-- > 0;) {
          if (!numbers_.count(node->inputs()[i])) stack.push_back(node->inputs()[i]);
        }
      }
      if (stack.size() != before) continue;
      stack.pop_back();
      if (node->value) {
        numbers_[node] = kConstant | static_cast<u32>(constants_.size());
        constants_.emplace_back(node);
        continue;
      }
      Step step{Var(node), {}};
      for (int i = 0; i < node->num_inputs; ++i) step.inputs.push_back(numbers_.at(node->inputs()[i]));
      numbers_[node] = kStep | static_cast<u32>(steps_.size());
      steps_.push_back(std::move(step));
    }
    return numbers_.at(root);
  }

  void check(const Node* node, u32 epoch) const {
    const OpDef& op = registry()[node->op];
    bool derived = op.view_rule || std::strcmp(op.name, "output") == 0 || std::strcmp(op.name, "as_strided_scatter") == 0;
    if (graph::is_input(node) || (node->mark != epoch && (node->value || !derived))) {
      refuse("reads a tensor that is neither an argument nor seen as state of the function");
    }
    if (node->has(graph::kGradLeaf)) refuse("makes a tensor that requires grad");
    if (node->has(graph::kAttached)) refuse("registers hooks or calls an autograd function");
    if (node->has(graph::kRetainGrad | graph::kRecompute | graph::kInference | graph::kHistoryFreed)) {
      refuse("records for checkpoints, inference mode, or calls backward");
    }
    if (op.is_random && node->attrs()[0] != seed_) refuse("draws from another generator than the default one");
  }

  Var record(const Step& step, const std::vector<Var>& values, i64 seed, i64 first_draw) const {
    static const graph::OpId output = registry().at("output").id;
    const Node* source = step.source.get();
    if (source->op == output) return graph::output_of(values[place(step.inputs[0])].get(), static_cast<int>(source->attr[0]));
    Node* few[8];
    std::vector<Node*> many(step.inputs.size() > 8 ? step.inputs.size() : 0);
    Node** inputs = many.empty() ? few : many.data();
    for (std::size_t i = 0; i < step.inputs.size(); ++i) inputs[i] = values[place(step.inputs[i])].get();
    Var made = graph::copy_node(source, inputs);
    made->flags |= source->flags & graph::kOverwritten;
    if (registry()[source->op].is_random) {  // parameters, which are not part of the structure
      i64* words = const_cast<i64*>(made->attrs());
      words[0] = seed;
      words[1] += first_draw - first_draw_;
    }
    return made;
  }

  std::size_t num_inputs_;
  std::vector<Var> specs_, constants_;
  std::vector<Step> steps_;
  std::vector<u32> outputs_;
  std::vector<int> written_;
  i64 seed_, first_draw_;
  std::unordered_map<const Node*, u32> numbers_;
};

// Changes of attributes, and of what is not an attribute: hooks.
i64 g_changes = 0, g_other_changes = 0;

// What the function read beside arguments and state: entries of dictionaries, cells of closures, and types.
class Guards {
 public:
  void add_item(py::dict dict, py::object key, py::object value) { items_.push_back({std::move(dict), std::move(key), std::move(value)}); }
  void add_missing(py::dict dict, py::object key) { items_.push_back({std::move(dict), std::move(key), py::object()}); }
  void add_cell(py::object cell, py::object value) { cells_.emplace_back(std::move(cell), std::move(value)); }
  void add_type(py::type type) { types_.emplace_back(type, version(type)); }

  bool hold() const {
    if (other_changes_ != g_other_changes) return false;
    for (const Item& item : items_) {
      if (PyDict_GetItemWithError(item.dict.ptr(), item.key.ptr()) != item.value.ptr()) return false;
    }
    for (const auto& [cell, value] : cells_) {
      if (PyCell_GET(cell.ptr()) != value.ptr()) return false;
    }
    for (const auto& [type, number] : types_) {
      if (version(type) != number) return false;
    }
    return true;
  }
  // Whether attributes have changed, of whatever object, since the last confirm().
  bool attributes_changed() const { return changes_ != g_changes; }
  void confirm() { changes_ = g_changes; }

 private:
  struct Item {
    py::dict dict;
    py::object key, value;
  };

  // Changes whenever the type or one of its bases does; types get one when something is looked up in them.
  static unsigned version(const py::type& type) {
    auto* object = reinterpret_cast<PyTypeObject*>(type.ptr());
    if (!object->tp_version_tag) py::hasattr(type, "__init__");
    return object->tp_version_tag;
  }

  i64 changes_ = g_changes, other_changes_ = g_other_changes;
  std::vector<Item> items_;
  std::vector<std::pair<py::object, py::object>> cells_;
  std::vector<std::pair<py::type, unsigned>> types_;
};

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

// signature(args, kwargs, tensors, any_tensor): bytes, or None.
PyObject* signature(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs != 4 || !PyTuple_Check(args[0]) || !PyDict_Check(args[1]) || !PyList_Check(args[2])) {
    return PyErr_Format(PyExc_TypeError, "[signature] expected a tuple, a dict, a list and a bool");
  }
  try {
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
PyMethodDef g_signature = {"signature", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(signature)), METH_FASTCALL, nullptr};

}  // namespace

void register_replay(py::module_& module) {
  py::class_<Recording>(module, "Recording")
      .def(py::init<std::vector<Var>, std::vector<Var>, std::vector<Var>, std::vector<int>, i64, i64>())
      .def("run", &Recording::run)
      .def("__len__", &Recording::size);
  module.def("recording_mode", recording_mode);
  module.def("value_key", value_key);
  module.def("shares_memory", [](py::handle tensor) { return shares_memory(as_tensor(tensor.ptr())); });
  module.def("count_change", [](bool attribute) { ++(attribute ? g_changes : g_other_changes); });
  module.def("changes", [] { return g_changes; });
  py::class_<Guards>(module, "Guards")
      .def(py::init<>())
      .def("add_item", &Guards::add_item)
      .def("add_missing", &Guards::add_missing)
      .def("add_cell", &Guards::add_cell)
      .def("add_type", &Guards::add_type)
      .def("hold", &Guards::hold)
      .def("attributes_changed", &Guards::attributes_changed)
      .def("confirm", &Guards::confirm);
  module.attr("signature") = py::reinterpret_steal<py::object>(PyCFunction_New(&g_signature, nullptr));
}

}  // namespace pyflame::bindings
