// Assumes: inputs are resolved, constants marked. Padding of several dimensions is recorded one dimension at a time, with
// zeros or with what an index names: the last of two such nodes takes the place of both, so that memory is read once.
#include "ops/fused.h"
#include "passes/passes.h"
#include "passes/users.h"

namespace pyflame::passes {

using graph::FlatNode;

namespace {

class Padder {
 public:
  explicit Padder(FlatGraph& graph)
      : graph_(graph), users_(graph), embed_(&graph::registry().at("embed")),
        index_select_(&graph::registry().at("index_select")) {}

  void run() {
    for (u32 i = 0; i < graph_.nodes.size(); ++i) {
      if (graph_.replaced_by[i] != i || node(i).is_leaf() || node(i).constant || node(i).inputs.empty()) continue;
      const u32 input = node(i).inputs[0];
      if (node(input).is_leaf() || node(input).constant || users_.only(input) != i) continue;
      if (is_embed(i)) embed_all(i, input);
      else if (node(i).op == index_select_ && node(input).op == index_select_) select_plane(i, input);
    }
  }

 private:
  FlatNode& node(u32 i) { return graph_.nodes[i]; }
  bool is_embed(u32 i) { return node(i).op == embed_ && node(i).attrs[2] == 1; }

  void embed_all(u32 i, u32 input) {
    const std::vector<i64> words = node(i).attrs;
    std::vector<i64> starts(static_cast<std::size_t>(node(i).shape.ndim) + 1, 0);
    if (node(input).op == &ops::embed_fused()) {
      starts = node(input).attrs;
    } else if (is_embed(input)) {
      starts[0] = node(i).shape.ndim;
      starts[static_cast<std::size_t>(node(input).attrs[0]) + 1] = node(input).attrs[1];
    } else {
      return;
    }
    starts[static_cast<std::size_t>(words[0]) + 1] += words[1];
    replace(i, input, ops::embed_fused(), {node(input).inputs[0]}, std::move(starts));
  }

  void select_plane(u32 i, u32 input) {
    const i64 dim = node(i).attrs[0];
    if (node(input).attrs[0] != dim + 1 || node(node(i).inputs[1]).shape.ndim != 1 ||
        node(node(input).inputs[1]).shape.ndim != 1) {
      return;
    }
    replace(i, input, ops::index_select_fused(), {node(input).inputs[0], node(i).inputs[1], node(input).inputs[1]}, {dim});
  }

  void replace(u32 i, u32 input, const graph::OpDef& op, std::vector<u32> inputs, std::vector<i64> attrs) {
    FlatNode& target = node(i);
    target.absorbed = node(input).absorbed;
    target.absorbed.push_back(input);
    for (u32 from : node(input).inputs) users_.replace(from, input, i);
    target.recorded = target.op;
    target.op = &op;
    target.inputs = std::move(inputs);
    target.attrs = std::move(attrs);
  }

  FlatGraph& graph_;
  Users users_;
  const graph::OpDef *embed_, *index_select_;
};

}  // namespace

void fuse_paddings(FlatGraph& graph) { Padder(graph).run(); }

}  // namespace pyflame::passes
