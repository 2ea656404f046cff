#pragma once
#include "graph/opdef.h"

namespace pyflame::autograd {

// Throws RuntimeError when a gradient that is wanted reads a value that its tensor has lost to an in-place change.
// The value is still there, and the gradient could be computed; but PyTorch cannot, and code that must run there as well
// is better told. needs: by operand.
void refuse_overwritten(const graph::OpDef& op, const graph::Node* node, const u8* needs);

}  // namespace pyflame::autograd
