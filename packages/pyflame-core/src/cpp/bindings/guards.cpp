#include "bindings/guards.h"

namespace pyflame::bindings {

Changes& changes() {
  static Changes counts;
  return counts;
}

void register_guards(py::module_& module) {
  module.def("count_change", [](bool attribute) { ++(attribute ? changes().attributes : changes().others); });
  module.def("changes", [] { return changes().attributes; });
  py::class_<Guards>(module, "Guards")
      .def(py::init<>())
      .def("add_item", &Guards::add_item)
      .def("add_missing", &Guards::add_missing)
      .def("add_cell", &Guards::add_cell)
      .def("add_list", &Guards::add_list)
      .def("add_type", &Guards::add_type)
      .def("hold", &Guards::hold)
      .def("attributes_changed", &Guards::attributes_changed)
      .def("confirm", &Guards::confirm);
}

}  // namespace pyflame::bindings
