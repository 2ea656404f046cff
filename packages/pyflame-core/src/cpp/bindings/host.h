// Host ops as the other bindings see them.
#pragma once
#include <pybind11/pybind11.h>

#include "graph/opdef.h"

namespace pyflame::bindings {

inline bool is_host(const graph::OpDef& op) { return op.calls_python; }
// The attributes of a recorded host op by name.
pybind11::object host_attributes(const i64* words);

}  // namespace pyflame::bindings
