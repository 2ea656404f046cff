#include "bindings/attachments.h"

#include <unordered_map>

#include "runtime/eval.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

std::unordered_map<const Node*, PyObject*>& objects() {
  static auto* map = new std::unordered_map<const Node*, PyObject*>;
  return *map;
}

// Dropping the last count may run any Python code, so the table is in order before.
void drop(Node* node) {
  node->flags &= static_cast<u16>(~graph::kAttached);
  auto it = objects().find(node);
  if (it == objects().end()) return;
  PyObject* object = it->second;
  objects().erase(it);
  Py_DECREF(object);
}

}  // namespace

void attach(Node* node, py::object object) {
  drop(node);
  objects()[node] = object.release().ptr();
  node->flags |= graph::kAttached;
}

py::object attached(const Node* node) {
  auto it = objects().find(node);
  return it == objects().end() ? py::none() : py::reinterpret_borrow<py::object>(it->second);
}

void move_attachment(Node* from, Node* to) {
  if (!from->has(graph::kAttached)) return;
  py::object object = attached(from);
  drop(from);
  attach(to, std::move(object));
}

void register_attachments(py::module_& module) {
  graph::attachment_freed = drop;
  runtime::value_hook = [](Node* node) {
    py::object kept = attached(node);
    if (!kept.is_none()) kept.attr("computed")();
  };
  module.def("attach", [](const Var& tensor, py::object object) { attach(tensor.get(), std::move(object)); });
  module.def("attached", [](const Var& tensor) { return attached(tensor.get()); });
}

}  // namespace pyflame::bindings
