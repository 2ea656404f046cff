// The type of objects whose call is a call of their `forward`.
#pragma once
#include <pybind11/pybind11.h>

namespace pyflame::bindings {

void register_call_forward(pybind11::module_& module);

}  // namespace pyflame::bindings
