// Assumes: inputs precede users and are resolved. Large constants are left to be computed each run: keeping them would
// hold memory for as long as the plan lives.
#include <vector>

#include "passes/passes.h"

namespace pyflame::passes {

using graph::FlatNode;

namespace {
constexpr i64 kMaxConstantBytes = i64{1} << 20;
}

void mark_constants(FlatGraph& graph) {
  // Also by way of a node that was merged into another.
  std::vector<u8> kept(graph.nodes.size(), 0);
  for (u32 i = 0; i < graph.nodes.size(); ++i) kept[graph.resolve(i)] |= graph.nodes[i].keep;
  for (u32 i = 0; i < graph.nodes.size(); ++i) {
    FlatNode& node = graph.nodes[i];
    if (graph.replaced_by[i] != i || node.is_leaf() || node.num_params() || node.op->is_random) continue;
    if (!node.outputs.empty() || kept[i] || node.shape.numel() * dtype_size(node.dtype) > kMaxConstantBytes) continue;
    node.constant = true;
    for (u32 input : node.inputs) node.constant &= graph.nodes[input].constant;
  }
}

}  // namespace pyflame::passes
