// What a compiled function read beside arguments and state, and whether it is still the same.
#pragma once
#include <pybind11/pybind11.h>

#include <vector>

#include "base/dtype.h"

namespace pyflame::bindings {

namespace py = pybind11;

// Changes of attributes, and of what is not an attribute: hooks.
struct Changes {
  i64 attributes = 0, others = 0;
};
Changes& changes();

// Entries of dictionaries and lists, cells of closures, and types.
class Guards {
 public:
  void add_item(py::dict dict, py::object key, py::object value) { items_.push_back({std::move(dict), std::move(key), std::move(value)}); }
  void add_missing(py::dict dict, py::object key) { items_.push_back({std::move(dict), std::move(key), py::object()}); }
  void add_cell(py::object cell, py::object value) { cells_.emplace_back(std::move(cell), std::move(value)); }
  void add_list(py::list list, py::tuple entries) { lists_.emplace_back(std::move(list), std::move(entries)); }
  void add_type(py::type type) { types_.emplace_back(type, version(type)); }

  bool hold() const {
    if (other_changes_ != changes().others) return false;
    for (const Item& item : items_) {
      if (PyDict_GetItemWithError(item.dict.ptr(), item.key.ptr()) != item.value.ptr()) return false;
    }
    for (const auto& [cell, value] : cells_) {
      if (PyCell_GET(cell.ptr()) != value.ptr()) return false;
    }
    for (const auto& [list, entries] : lists_) {
      const Py_ssize_t count = PyTuple_GET_SIZE(entries.ptr());
      if (PyList_GET_SIZE(list.ptr()) != count) return false;
      for (Py_ssize_t i = 0; i < count; ++i) {
        if (PyList_GET_ITEM(list.ptr(), i) != PyTuple_GET_ITEM(entries.ptr(), i)) return false;
      }
    }
    for (const auto& [type, number] : types_) {
      if (version(type) != number) return false;
    }
    return true;
  }
  // Whether attributes have changed, of whatever object, since the last confirm().
  bool attributes_changed() const { return changes_ != changes().attributes; }
  void confirm() { changes_ = changes().attributes; }

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

  i64 changes_ = changes().attributes, other_changes_ = changes().others;
  std::vector<Item> items_;
  std::vector<std::pair<py::object, py::object>> cells_;
  std::vector<std::pair<py::list, py::tuple>> lists_;
  std::vector<std::pair<py::type, unsigned>> types_;
};

void register_guards(py::module_& module);

}  // namespace pyflame::bindings
