// Assumes: inputs precede users and are resolved. Nodes with runtime parameters stay apart: equal structure does not
// mean equal values. Leaves stay apart too, and so do ops with several outputs.
#include <unordered_map>

#include "passes/passes.h"

namespace pyflame::passes {

using graph::FlatNode;

namespace {

struct Hash {
  std::size_t operator()(const FlatNode* node) const {
    std::size_t h = node->op->id;
    auto add = [&](std::size_t value) { h = (h ^ value) * 0x9E3779B97F4A7C15ull; };
    add(static_cast<std::size_t>(node->dtype));
    for (i64 extent : node->shape) add(static_cast<std::size_t>(extent));
    for (i64 word : node->attrs) add(static_cast<std::size_t>(word));
    for (u32 input : node->inputs) add(input);
    return h;
  }
};

struct Equal {
  bool operator()(const FlatNode* a, const FlatNode* b) const {
    return a->op == b->op && a->dtype == b->dtype && a->shape == b->shape && a->attrs == b->attrs && a->inputs == b->inputs;
  }
};

}  // namespace

void merge_common(FlatGraph& graph) {
  std::unordered_map<const FlatNode*, u32, Hash, Equal> seen;
  seen.reserve(graph.nodes.size());
  for (u32 i = 0; i < graph.nodes.size(); ++i) {
    if (graph.replaced_by[i] != i) continue;
    FlatNode& node = graph.nodes[i];
    for (u32& input : node.inputs) input = graph.resolve(input);
    bool unique = node.is_leaf() || node.num_params() || !node.outputs.empty() || node.op->is_random;
    if (unique || node.inputs.empty()) continue;
    graph.replaced_by[i] = seen.emplace(&node, i).first->second;
  }
}

}  // namespace pyflame::passes
