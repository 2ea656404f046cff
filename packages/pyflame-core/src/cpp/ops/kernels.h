// What may be done with the kernel of a record besides calling it.
#pragma once
#include <optional>

#include "cpu/reduce.h"
#include "graph/opdef.h"

namespace pyflame::ops {

// Runs several calls of a record as one, at most kMaxJoint; none may depend on another.
using JointKernel = void (*)(const graph::KernelCall* calls, int count);
inline constexpr int kMaxJoint = 64;
JointKernel joint_kernel(const graph::OpDef& op);  // null where there is none

// The kind of a reduction whose attributes are a mask of dimensions and keepdim.
std::optional<cpu::ReduceOp> reduce_op(const graph::OpDef& op);

}  // namespace pyflame::ops
