// Assumes: inputs are resolved. Which elementwise nodes share a pass over memory.
//
// A group must not contain two nodes joined by a path through outside nodes. Each node has a stage: stages never fall
// along an edge and rise at every boundary (an edge that cannot be fused), so nodes of one stage that are connected by
// fusable edges form such a group. The first stages are the earliest possible. Then groups wait for their users where
// they can join them: x - mean for the product with a scale that the graph still has to compute.
#include "passes/stages.h"

#include <algorithm>
#include <numeric>

namespace pyflame::passes {

using graph::FlatNode;

bool elementwise(const FlatNode& node) { return !node.is_leaf() && node.op->tile_op >= 0; }

namespace {

bool fusable(const FlatNode& producer, const FlatNode& user) {
  return elementwise(producer) && elementwise(user) && producer.shape == user.shape && producer.constant == user.constant;
}

class Stages {
 public:
  Stages(const FlatGraph& graph, const std::vector<u8>& live)
      : graph_(graph), live_(live), parent_(graph.nodes.size()), stage_(graph.nodes.size(), 0), users_(graph.nodes.size()) {
    std::iota(parent_.begin(), parent_.end(), 0u);
  }

  std::vector<u32> groups() {
    join_earliest();
    // Users first: where they end up bounds how long a group can wait.
    std::vector<std::vector<u32>> members(graph_.nodes.size());
    std::vector<u32> roots;
    for (u32 i = 0; i < graph_.nodes.size(); ++i) {
      if (!live_[i] || !elementwise(node(i))) continue;
      if (members[find(i)].empty()) roots.push_back(find(i));
      members[find(i)].push_back(i);
    }
    std::stable_sort(roots.begin(), roots.end(), [&](u32 a, u32 b) { return stage_[a] > stage_[b]; });
    for (u32 root : roots) wait_for_users(members[root]);
    for (u32 i = 0; i < parent_.size(); ++i) parent_[i] = find(i);
    return std::move(parent_);
  }

 private:
  const FlatNode& node(u32 i) const { return graph_.nodes[i]; }

  u32 find(u32 i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }

  u32 rise(u32 input, u32 user) const { return fusable(node(input), node(user)) ? 0 : 1; }

  void join_earliest() {
    for (u32 i = 0; i < graph_.nodes.size(); ++i) {
      if (!live_[i]) continue;
      for (u32 input : node(i).inputs) {
        users_[input].push_back(i);
        stage_[i] = std::max(stage_[i], stage_[input] + rise(input, i));
      }
      join_users(i);
    }
  }

  // With everything before it that has its stage, or what it has come to share a stage with.
  void join_users(u32 i) {
    for (u32 input : node(i).inputs) {
      if (!rise(input, i) && stage_[input] == stage_[i]) parent_[find(input)] = find(i);
    }
  }

  void wait_for_users(const std::vector<u32>& group) {
    const u32 root = find(group[0]), now = stage_[group[0]];
    u32 latest = ~0u;
    for (u32 i : group) {
      for (u32 user : users_[i]) {
        if (find(user) != root) latest = std::min(latest, stage_[user] - rise(i, user));
      }
    }
    if (latest == ~0u || latest <= now || keeps_more(group, root)) return;
    std::vector<u32> met;
    for (u32 i : group) {
      for (u32 user : users_[i]) {
        if (find(user) != root && !rise(i, user) && stage_[user] == latest) met.push_back(user);
      }
    }
    if (met.empty()) return;
    for (u32 i : group) stage_[i] = latest;
    for (u32 user : met) join_users(user);
  }

  // While a group waits its inputs stay in memory, in place of its results: a sum of many gradients, each computed
  // later than the one before, must not wait for the last of them.
  bool keeps_more(const std::vector<u32>& group, u32 root) {
    std::vector<u32> inputs;
    std::size_t results = 0;
    for (u32 i : group) {
      bool read = node(i).keep;
      for (u32 user : users_[i]) read |= find(user) != root;
      results += read;
      for (u32 input : node(i).inputs) {
        if (!node(input).is_leaf() && node(input).shape == node(i).shape && find(input) != root) inputs.push_back(input);
      }
    }
    std::sort(inputs.begin(), inputs.end());
    inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
    return inputs.size() > results;
  }

  const FlatGraph& graph_;
  const std::vector<u8>& live_;
  std::vector<u32> parent_, stage_;
  std::vector<std::vector<u32>> users_;
};

}  // namespace

std::vector<u32> group_elementwise(const FlatGraph& graph, const std::vector<u8>& live) {
  return Stages(graph, live).groups();
}

}  // namespace pyflame::passes
