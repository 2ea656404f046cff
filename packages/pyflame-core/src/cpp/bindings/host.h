// Host ops as the other bindings see them.
#pragma once
#include <pybind11/pybind11.h>

#include "graph/opdef.h"

namespace pyflame::bindings {

// The attributes of a recorded host op or named call.
pybind11::object named_attributes(const graph::OpDef& op, const i64* words);

}  // namespace pyflame::bindings
