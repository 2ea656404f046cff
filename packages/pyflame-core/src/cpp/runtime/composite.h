// What a fused op is made of.
#pragma once
#include <vector>

#include "graph/apply.h"

namespace pyflame::runtime {

// The outputs of the composite of a pending fused op (graph::OpDef::fallback_rule), recorded on the op's own inputs, at
// its source line and without gradients. Nothing of it is evaluated. Throws ValueError for other ops.
std::vector<graph::Var> composite(graph::Node* node);
// The same on other inputs of the same shapes and dtypes.
std::vector<graph::Var> composite(graph::Node* node, graph::Node* const* inputs);

}  // namespace pyflame::runtime
