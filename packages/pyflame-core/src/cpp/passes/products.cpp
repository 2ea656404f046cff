// Assumes: inputs are resolved, constants marked. As for convolutions, the last node of a chain takes the place of all: it
// computes the product and what follows, and the others become dead, for they had no other users.
#include "ops/fused.h"
#include "passes/passes.h"
#include "passes/users.h"

namespace pyflame::passes {

using graph::FlatNode;

namespace {

class Fuser {
 public:
  explicit Fuser(FlatGraph& graph)
      : graph_(graph), users_(graph), matmul_(graph::registry().at("matmul").id),
        reshape_(graph::registry().at("reshape").id) {}

  void run() {
    for (u32 i = 0; i < graph_.nodes.size(); ++i) {
      if (is_product(i)) fuse(i);
    }
  }

 private:
  struct Chain {
    u32 last;
    u32 bias = Users::kNone, residual = Users::kNone;
    bool relu = false;
    std::vector<u32> absorbed = {};

    bool empty() const { return absorbed.empty(); }
  };

  FlatNode& node(u32 i) { return graph_.nodes[i]; }
  bool is_product(u32 i) {
    if (graph_.replaced_by[i] != i || node(i).is_leaf() || node(i).op->id != matmul_ || node(i).constant) return false;
    return node(i).op->vjp_rule && node(i).dtype == DType::kFloat32 && node(i).shape.ndim >= 2 &&
           node(node(i).inputs[1]).shape.ndim == 2;
  }

  bool by_column(const Shape& operand, const Shape& result) {
    const i64 columns = result[result.ndim - 1];
    return operand.ndim > 0 && operand.ndim <= result.ndim && operand[operand.ndim - 1] == columns && operand.numel() == columns;
  }

  // Whether the values lie in memory as their shape says: an epilogue would have views laid out, which chains read as
  // they are.
  bool lies_in_order(u32 i) {
    while (!node(i).is_leaf() && node(i).op->id == reshape_) i = graph_.resolve(node(i).inputs[0]);
    return node(i).is_leaf() ? is_contiguous(node(i).shape, node(i).strides) : !node(i).op->view_rule;
  }

  // Whether node `user` is a step that may follow, which is then part of the chain.
  bool extend(Chain& chain, u32 user) {
    const FlatNode& n = node(user);
    if (n.dtype != DType::kFloat32 || n.immediate || n.shape != node(chain.last).shape || n.op->tile_op < 0) return false;
    const TileOp op = static_cast<TileOp>(n.op->tile_op);
    if (op == TileOp::relu) {
      chain.relu = true;
    } else {
      if (op != TileOp::add || n.inputs.size() != 2 || n.inputs[0] == n.inputs[1]) return false;
      const u32 other = n.inputs[n.inputs[0] == chain.last ? 1 : 0];
      if (node(other).dtype != DType::kFloat32 || chain.residual != Users::kNone) return false;
      if (node(other).shape == n.shape) {
        if (!lies_in_order(other)) return false;
        chain.residual = other;
      } else {
        if (chain.bias != Users::kNone || !by_column(node(other).shape, n.shape)) return false;
        chain.bias = other;
      }
    }
    chain.absorbed.push_back(chain.last);
    chain.last = user;
    return true;
  }

  void fuse(u32 product) {
    Chain chain{product};
    while (!chain.relu) {
      const u32 user = users_.only(chain.last);
      if (user == Users::kNone || !extend(chain, user)) break;
    }
    if (chain.empty()) return;
    std::vector<u32> inputs = node(product).inputs;
    if (chain.bias != Users::kNone) inputs.push_back(chain.bias);
    if (chain.residual != Users::kNone) inputs.push_back(chain.residual);
    for (u32 i : chain.absorbed) {
      for (u32 input : node(i).inputs) users_.replace(input, i, chain.last);
    }
    FlatNode& target = node(chain.last);
    target.absorbed = std::move(chain.absorbed);
    target.recorded = target.op;
    target.op = &ops::matmul_fused();
    target.inputs = std::move(inputs);
    target.attrs = {chain.bias != Users::kNone, chain.residual != Users::kNone, chain.relu};
    target.param = -1;
  }

  FlatGraph& graph_;
  Users users_;
  const graph::OpId matmul_, reshape_;
};

}  // namespace

void fuse_products(FlatGraph& graph) { Fuser(graph).run(); }

}  // namespace pyflame::passes
