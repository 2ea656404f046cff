// Number and comparison slots of the Tensor type, and the FASTCALL functions generated from the registry.
#pragma once
#include <pybind11/pybind11.h>

#include <vector>

namespace pyflame::bindings {

std::vector<PyType_Slot> operator_slots();

// Adds one function per record to `module.ops`, with a text signature made from its inputs and attributes.
void register_functions(pybind11::module_& module);

}  // namespace pyflame::bindings
