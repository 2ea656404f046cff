#pragma once
#include "passes/passes.h"

namespace pyflame::passes {

bool elementwise(const graph::FlatNode& node);

// For every node the number of its group: elementwise nodes of one group can share a pass over memory, others are alone.
std::vector<u32> group_elementwise(const FlatGraph& graph, const std::vector<u8>& live);

}  // namespace pyflame::passes
