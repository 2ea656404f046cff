// Assumes: inputs are resolved. Fusion is a partition of elementwise nodes into groups that read and write memory once;
// some end with a reduction. Groups become steps, in an order that their dependencies allow.
#include <algorithm>
#include <numeric>

#include "ops/kernels.h"
#include "passes/stages.h"

namespace pyflame::passes {

using graph::FlatNode;

namespace {

constexpr std::size_t kMaxGroup = 40;  // steps of one program: bounded by its registers

std::vector<u8> live_nodes(const FlatGraph& graph) {
  std::vector<u8> live(graph.nodes.size(), 0);
  for (u32 i = static_cast<u32>(graph.nodes.size()); i-- > 0;) {
    const FlatNode& node = graph.nodes[i];
    if (node.keep) live[graph.resolve(i)] = 1;
    if (!live[i] || graph.replaced_by[i] != i) continue;
    for (u32 input : node.inputs) live[graph.resolve(input)] = 1;
  }
  return live;
}

// Reductions that a step of elementwise nodes can end with: of a value that nobody else reads. Only its results have to be
// in memory then. Such a reduction depends on its input alone, so the step stays free of paths through others.
class Folds {
 public:
  Folds(const FlatGraph& graph, const std::vector<u8>& live) : graph_(graph), readers_(graph.nodes.size(), 0) {
    for (u32 i = 0; i < graph.nodes.size(); ++i) {
      if (graph.nodes[i].keep) ++readers_[graph.resolve(i)];
      if (!live[i] || graph.replaced_by[i] != i) continue;
      for (u32 input : graph.nodes[i].inputs) ++readers_[input];
    }
  }

  bool folds(u32 i) const {
    constexpr i64 kFewest = 16;  // shorter rows are not worth a tile
    const FlatNode& node = graph_.nodes[i];
    if (!ops::reduce_op(*node.op)) return false;
    const FlatNode& input = graph_.nodes[node.inputs[0]];
    return elementwise(input) && readers_[node.inputs[0]] == 1 && node.constant == input.constant &&
           trailing_length(node, input) >= kFewest;
  }

 private:
  const FlatGraph& graph_;
  std::vector<u32> readers_;
};

// Steps in dependency order; the members of a step stay in node order.
std::vector<Step> order_steps(const FlatGraph& graph, std::vector<Step> steps, const std::vector<int>& step_of) {
  std::vector<std::vector<u32>> users(steps.size());
  std::vector<u32> waiting(steps.size(), 0);
  for (u32 s = 0; s < steps.size(); ++s) {
    for (u32 i : steps[s].nodes) {
      for (u32 input : graph.nodes[i].inputs) {
        int source = step_of[input];
        if (source < 0 || source == static_cast<int>(s)) continue;
        users[static_cast<std::size_t>(source)].push_back(s);
        ++waiting[s];
      }
    }
  }
  // Ready steps run by their last node, which keeps the recorded order where dependencies leave a choice.
  auto later = [&](u32 a, u32 b) { return steps[a].nodes.back() > steps[b].nodes.back(); };
  std::vector<u32> ready;
  for (u32 s = 0; s < steps.size(); ++s) {
    if (!waiting[s]) ready.push_back(s);
  }
  std::make_heap(ready.begin(), ready.end(), later);
  std::vector<Step> ordered;
  while (!ready.empty()) {
    std::pop_heap(ready.begin(), ready.end(), later);
    u32 s = ready.back();
    ready.pop_back();
    ordered.push_back(steps[s]);
    for (u32 user : users[s]) {
      if (--waiting[user] == 0) {
        ready.push_back(user);
        std::push_heap(ready.begin(), ready.end(), later);
      }
    }
  }
  return ordered;
}

}  // namespace

i64 trailing_length(const FlatNode& node, const FlatNode& input) {
  i64 length = 1;
  bool reduced = false;
  for (int d = 0; d < input.shape.ndim; ++d) {
    if (input.shape[d] == 1) continue;
    bool here = node.attrs[0] >> d & 1;
    if (reduced && !here) return 0;
    reduced |= here;
    if (here) length *= input.shape[d];
  }
  return length;
}

std::vector<Step> schedule(const FlatGraph& graph, bool fuse) {
  std::vector<u8> live = live_nodes(graph);
  const Folds folds(graph, live);
  std::vector<u32> group(graph.nodes.size());
  std::iota(group.begin(), group.end(), 0u);
  if (fuse) group = group_elementwise(graph, live);
  std::vector<Step> steps;
  std::vector<int> step_of(graph.nodes.size(), -1), open(graph.nodes.size(), -1);
  std::vector<u32> folded;
  for (u32 i = 0; i < graph.nodes.size(); ++i) {
    if (!live[i] || graph.nodes[i].is_leaf() || graph.replaced_by[i] != i) continue;
    if (fuse && folds.folds(i)) {
      step_of[i] = step_of[graph.nodes[i].inputs[0]];
      Step& step = steps[static_cast<std::size_t>(step_of[i])];
      if (!step.folds) {
        step.folds = true;
        folded.push_back(i);
        continue;
      }
    }
    int& current = open[group[i]];
    if (current < 0 || steps[static_cast<std::size_t>(current)].nodes.size() >= kMaxGroup) {
      current = static_cast<int>(steps.size());
      steps.emplace_back();
    }
    step_of[i] = current;
    steps[static_cast<std::size_t>(current)].nodes.push_back(i);
  }
  for (u32 i : folded) steps[static_cast<std::size_t>(step_of[i])].nodes.push_back(i);
  return fuse ? order_steps(graph, std::move(steps), step_of) : steps;
}

}  // namespace pyflame::passes
