#include "bindings/undo.h"

#include "bindings/register.h"

namespace py = pybind11;

namespace pyflame::bindings {

Undo::Undo(py::list params, py::dict state) : state_(std::move(state)) {
  saved_.reserve(params.size());
  for (py::handle param : params) {
    Saved saved{py::reinterpret_borrow<py::object>(param), hold(node_of(param.ptr())), state_.contains(param), {}};
    if (saved.has_state) {
      for (auto [key, value] : py::dict(state_[param])) {
        Node* node = node_of(value.ptr());
        saved.state.push_back({py::reinterpret_borrow<py::object>(key), node ? py::object() : py::reinterpret_borrow<py::object>(value),
                               node ? hold(node) : Var()});
      }
    }
    saved_.push_back(std::move(saved));
  }
}

Undo::~Undo() {
  for (Node* node : marked_) node->flags &= static_cast<u16>(~graph::kUndo);
}

Var Undo::hold(Node* node) {
  if (!node->has(graph::kUndo)) {
    node->flags |= graph::kUndo;
    marked_.push_back(node);
  }
  return Var(node);
}

void Undo::back() {
  for (const Saved& saved : saved_) {
    Node* now = node_of(saved.param.ptr());
    if (now != saved.node.get() && now->value) return;
  }
  for (const Saved& saved : saved_) {
    if (node_of(saved.param.ptr()) != saved.node.get()) assign(as_tensor(saved.param.ptr()), saved.node);
    if (!saved.has_state) {
      if (state_.contains(saved.param)) PyDict_DelItem(state_.ptr(), saved.param.ptr());
      continue;
    }
    py::dict entry;
    for (const Entry& one : saved.state) {
      entry[one.key] = one.node ? py::reinterpret_steal<py::object>(wrap(Var(one.node))) : one.value;
    }
    state_[saved.param] = entry;
  }
}

namespace {

// Points a tensor whose changes are pending at the value that they began with, which is the first operand of each.
void take_back(TensorObject* tensor) {
  Node *now = current(tensor), *first = now;
  while (!first->value && first->num_inputs) first = first->inputs()[0];
  if (first == now || !first->value || first->dtype != now->dtype || !graph::same_shape(*first, *now)) return;
  assign(tensor, Var(first));
}

}  // namespace

void register_undo(py::module_& module) {
  module.def("take_back", [](const py::list& tensors) {
    for (py::handle item : tensors) {
      TensorObject* tensor = as_tensor(item.ptr());
      if (!tensor) throw py::type_error("[take_back] expected tensors, got " + std::string(Py_TYPE(item.ptr())->tp_name));
      take_back(tensor);
    }
  });
  py::class_<Undo>(module, "Undo").def("back", &Undo::back);
}

}  // namespace pyflame::bindings
