#include "runtime/step_order.h"

#include <algorithm>
#include <cstring>

#include "ops/kernels.h"

namespace pyflame::runtime {

using graph::FlatGraph;
using graph::FlatNode;
using graph::OpCategory;
using passes::Step;

namespace {

// Ops that check values while they run: a result may only overwrite a leaf when none of these can still fail.
bool may_throw(const FlatNode& node) {
  OpCategory kind = node.op->kind;
  if (kind == OpCategory::kIndex || kind == OpCategory::kLoss || node.op->calls_python) return true;
  bool division = node.op->tile_op == static_cast<int>(TileOp::floor_divide) ||
                  node.op->tile_op == static_cast<int>(TileOp::remainder) || node.op->tile_op == static_cast<int>(TileOp::fmod);
  return division && !is_floating(node.dtype);
}

std::vector<Step> updates_last(const FlatGraph& graph, const std::vector<Step>& steps) {
  std::vector<u8> late(graph.nodes.size(), 0);
  std::vector<Step> head, tail;
  for (const Step& step : steps) {
    bool is_late = false;
    for (u32 i : step.nodes) {
      is_late |= graph.nodes[i].op->kind == OpCategory::kUpdate;
      for (u32 input : graph.nodes[i].inputs) is_late |= late[input];
    }
    for (u32 i : step.nodes) late[i] = is_late;
    (is_late ? tail : head).push_back(step);
  }
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

// Grows one step of updates at a time. Only the outputs of updates may stand between those it joins.
class Joiner {
 public:
  Joiner(const FlatGraph& graph, const std::vector<u32>& roots) : graph_(graph), roots_(roots) {}

  std::vector<Step> join(std::vector<Step> steps) {
    for (Step& step : steps) {
      const u32 i = step.nodes[0];
      if (!ops::joint_kernel(*graph_.nodes[i].op)) {
        if (!is_projection(graph_.nodes[i])) open_ = kNone;
        joined_.push_back(std::move(step));
        continue;
      }
      if (joins(i)) {
        joined_[open_].nodes.push_back(i);
      } else {
        open_ = joined_.size();
        touched_.clear();
        joined_.push_back(std::move(step));
      }
      touched_.push_back(i);
      for (u32 input : graph_.nodes[i].inputs) touched_.push_back(roots_[input]);
    }
    return std::move(joined_);
  }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  bool joins(u32 i) const {
    if (open_ == kNone) return false;
    const FlatNode &node = graph_.nodes[i], &first = graph_.nodes[joined_[open_].nodes[0]];
    if (node.op != first.op || node.constant != first.constant) return false;
    if (joined_[open_].nodes.size() == static_cast<std::size_t>(ops::kMaxJoint)) return false;
    return std::none_of(node.inputs.begin(), node.inputs.end(), [this](u32 input) { return is_touched(roots_[input]); });
  }

  // Read by the open step, which may overwrite it, or made by it.
  bool is_touched(u32 root) const {
    const FlatNode& node = graph_.nodes[root];
    if (!node.is_leaf() && is_projection(node)) root = node.inputs[0];
    return std::find(touched_.begin(), touched_.end(), root) != touched_.end();
  }

  const FlatGraph& graph_;
  const std::vector<u32>& roots_;
  std::vector<Step> joined_;
  std::size_t open_ = kNone;
  std::vector<u32> touched_;
};

}  // namespace

bool is_projection(const FlatNode& node) { return std::strcmp(node.op->name, "output") == 0; }

StepOrder order_steps(const FlatGraph& graph, const std::vector<Step>& steps, const std::vector<u32>& roots) {
  StepOrder order{Joiner(graph, roots).join(updates_last(graph, steps))};
  for (u32 s = 0; s < order.steps.size(); ++s) {
    for (u32 i : order.steps[s].nodes) {
      if (may_throw(graph.nodes[i])) order.safe_from = s + 1;
    }
  }
  return order;
}

}  // namespace pyflame::runtime
