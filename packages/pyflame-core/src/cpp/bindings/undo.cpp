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

void register_undo(py::module_& module) {
  py::class_<Undo>(module, "Undo").def("back", &Undo::back);
}

}  // namespace pyflame::bindings
