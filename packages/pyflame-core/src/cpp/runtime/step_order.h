// The order in which a program runs its steps.
#pragma once
#include "passes/passes.h"

namespace pyflame::runtime {

struct StepOrder {
  std::vector<passes::Step> steps;
  u32 safe_from = 0;  // no step from here on can fail: its results may overwrite leaves
};

// `roots`: of every node, the node whose memory it shares. Parameter updates, and what depends on them, go last, as they
// may overwrite leaves; updates that do not depend on each other become one step.
StepOrder order_steps(const graph::FlatGraph& graph, const std::vector<passes::Step>& steps, const std::vector<u32>& roots);

bool is_projection(const graph::FlatNode& node);  // of a node with several outputs

}  // namespace pyflame::runtime
