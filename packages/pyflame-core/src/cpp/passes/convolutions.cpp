// Assumes: inputs are resolved, constants marked. The last node of a chain takes the place of all: it then computes the
// convolution and what follows, and depends on everything the chain read. The others become dead, for they had no other
// users.
#include "cpu/conv_fused.h"
#include "cpu/precision.h"
#include "ops/fused.h"
#include "passes/passes.h"
#include "passes/users.h"

namespace pyflame::passes {

using graph::FlatNode;
using ops::EpilogueStep;

namespace {

constexpr u32 kNone = Users::kNone;

class Fuser {
 public:
  explicit Fuser(FlatGraph& graph) : graph_(graph), users_(graph) {
    conv_ = graph::registry().at("conv2d").id;
    pool_ = graph::registry().at("max_pool2d").id;
  }

  void run() {
    for (u32 i = 0; i < graph_.nodes.size(); ++i) {
      if (is_conv(i)) fuse(i);
    }
    if (cpu::amx_float_parts()) choose_layouts();
  }

 private:
  FlatNode& node(u32 i) { return graph_.nodes[i]; }
  bool live(u32 i) { return graph_.replaced_by[i] == i && !node(i).is_leaf(); }
  bool is_conv(u32 i) {
    return live(i) && node(i).op->id == conv_ && node(i).op->vjp_rule && node(i).dtype == DType::kFloat32 && !node(i).constant;
  }

  // A value for each channel of results of that shape.
  bool by_channel(const Shape& operand, const Shape& result) {
    const int n = operand.ndim;
    return (n == 3 || n == 4) && operand[n - 3] == result[1] && operand[n - 2] == 1 && operand[n - 1] == 1 &&
           (n == 3 || operand[0] == 1);
  }

  struct Step {
    EpilogueStep kind;
    u32 operand = kNone;
  };

  // What node `user` does to the value of node `i`, if that is a step an epilogue has. Steps go by rising kind, but that
  // those by channel mix.
  bool step_of(u32 i, u32 user, EpilogueStep last, Step* step) {
    const FlatNode& n = node(user);
    if (n.dtype != DType::kFloat32 || n.immediate || n.shape != node(i).shape || n.op->tile_op < 0) return false;
    const TileOp op = static_cast<TileOp>(n.op->tile_op);
    if (op == TileOp::relu) {
      *step = {EpilogueStep::kRelu};
      return true;
    }
    if (n.inputs.size() != 2 || n.inputs[0] == n.inputs[1]) return false;
    const bool left = n.inputs[0] == i;
    const u32 other = n.inputs[left ? 1 : 0];
    if (node(other).dtype != DType::kFloat32) return false;
    if (last <= EpilogueStep::kMultiply && by_channel(node(other).shape, n.shape)) {
      if (op == TileOp::sub && !left) return false;
      if (op != TileOp::add && op != TileOp::sub && op != TileOp::mul) return false;
      *step = {op == TileOp::add ? EpilogueStep::kAdd : op == TileOp::sub ? EpilogueStep::kSubtract : EpilogueStep::kMultiply, other};
      return true;
    }
    if (op != TileOp::add || last >= EpilogueStep::kResidual || node(other).shape != n.shape) return false;
    *step = {EpilogueStep::kResidual, other};
    return true;
  }

  void fuse(u32 conv) {
    std::vector<i64> steps;
    std::vector<u32> operands, absorbed;
    u32 last = conv;
    EpilogueStep kind = EpilogueStep::kAdd;
    while (kind != EpilogueStep::kRelu) {
      u32 user = users_.only(last);
      Step step{};
      if (user == kNone || !step_of(last, user, kind, &step)) break;
      kind = step.kind;
      steps.push_back(static_cast<i64>(kind));
      if (step.operand != kNone) operands.push_back(step.operand);
      absorbed.push_back(last);
      last = user;
    }
    std::vector<u32> inputs = node(conv).inputs;
    inputs.insert(inputs.end(), operands.begin(), operands.end());
    std::vector<i64> attrs = node(conv).attrs;
    attrs.push_back(static_cast<i64>(steps.size()));
    attrs.insert(attrs.end(), steps.begin(), steps.end());
    FlatNode& target = node(last);
    for (u32 k = 0; k < absorbed.size(); ++k) {  // the operands' users and the chain's inputs now belong to the last node
      for (u32 input : node(absorbed[k]).inputs) users_.replace(input, absorbed[k], last);
    }
    target.absorbed = std::move(absorbed);
    target.recorded = target.op;
    target.op = &ops::conv2d_fused();
    target.inputs = std::move(inputs);
    target.attrs = std::move(attrs);
    target.param = -1;
  }

  // ---- layouts: channels innermost where every reader takes them so
  // Of one group: depthwise kernels go along the rows of planes.
  bool is_fused(u32 i) {
    if (!live(i) || node(i).op != &ops::conv2d_fused()) return false;
    const Shape &input = node(node(i).inputs[0]).shape, &weight = node(node(i).inputs[1]).shape;
    const i64 window = weight[2] * weight[3];
    return input[1] == weight[1] && !cpu::prefers_planes(window, node(i).shape.numel() * weight[1] * window);
  }
  bool is_pool(u32 i) {
    const FlatNode& n = node(i);
    if (!live(i) || n.op->id != pool_ || !n.op->vjp_rule || n.dtype != DType::kFloat32 || n.shape.ndim != 4) return false;
    for (int projection : n.projections) {
      if (projection >= 0 && (users_.kept(static_cast<u32>(projection)) || !users_.of(static_cast<u32>(projection)).empty())) return false;
    }
    return true;
  }
  bool reads_last(u32 reader, u32 i) {
    if (is_fused(reader)) return node(reader).inputs[1] != i;
    return pools_last_[reader];
  }

  void choose_layouts() {
    pools_last_.assign(graph_.nodes.size(), 0);
    for (u32 i = static_cast<u32>(graph_.nodes.size()); i-- > 0;) {  // readers first
      if (!is_fused(i) && !is_pool(i)) continue;
      bool all = !users_.kept(i) && !users_.of(i).empty();
      for (u32 user : users_.of(i)) all &= reads_last(user, i);
      if (!all) continue;
      if (is_fused(i)) {
        node(i).channels_last = true;
      } else {
        pools_last_[i] = is_fused(node(i).inputs[0]);
      }
    }
    for (u32 i = 0; i < graph_.nodes.size(); ++i) {
      if (!pools_last_[i] || !node(node(i).inputs[0]).channels_last) continue;
      FlatNode& n = node(i);
      n.op = &ops::max_pool2d_last();
      n.channels_last = true;
      n.outputs.clear();
      n.projections.clear();
    }
  }

  FlatGraph& graph_;
  Users users_;
  std::vector<u8> pools_last_;
  graph::OpId conv_, pool_;
};

}  // namespace

void fuse_convolutions(FlatGraph& graph) { Fuser(graph).run(); }

}  // namespace pyflame::passes
