// Assumes: inputs are resolved, constants marked. Rows that are taken from a table only to be added up, as those of bags
// and of their gradient, or of the neighbours in a graph, are added from where they lie.
#include "ops/fused.h"
#include "passes/passes.h"
#include "passes/users.h"

namespace pyflame::passes {

using graph::FlatNode;

namespace {

constexpr i64 kShortestRow = 4;  // elements; shorter ones are added one by one

class Adder {
 public:
  explicit Adder(FlatGraph& graph)
      : graph_(graph), users_(graph), index_add_(&graph::registry().at("index_add")),
        index_select_(&graph::registry().at("index_select")) {}

  void run() {
    for (u32 i = 0; i < graph_.nodes.size(); ++i) {
      if (is_of_rows(i, index_add_) && is_of_rows(node(i).inputs[2], index_select_)) add_from_table(i, node(i).inputs[2]);
    }
  }

 private:
  FlatNode& node(u32 i) { return graph_.nodes[i]; }

  bool is_of_rows(u32 i, const graph::OpDef* op) {
    const FlatNode& n = node(i);
    if (graph_.replaced_by[i] != i || n.is_leaf() || n.op != op || n.constant || n.attrs[0] != 0) return false;
    return n.shape.ndim > 1 && n.shape.numel() >= n.shape[0] * kShortestRow && node(n.inputs[1]).shape.ndim == 1;
  }

  void add_from_table(u32 sum, u32 rows) {
    if (users_.only(rows) != sum) return;
    FlatNode& target = node(sum);
    const std::vector<u32> table = node(rows).inputs;
    for (u32 input : table) users_.replace(input, rows, sum);
    target.absorbed.push_back(rows);
    target.recorded = target.op;
    target.op = &ops::index_add_fused();
    target.inputs = {target.inputs[0], target.inputs[1], table[0], table[1]};
    target.attrs.clear();
  }

  FlatGraph& graph_;
  Users users_;
  const graph::OpDef *index_add_, *index_select_;
};

}  // namespace

void fuse_lookups(FlatGraph& graph) { Adder(graph).run(); }

}  // namespace pyflame::passes
