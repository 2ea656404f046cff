// A pending graph as plain data: what passes rewrite and backends compile. Node i depends only on nodes before it.
// Records without a kernel are there as their composites.
#pragma once
#include <vector>

#include "graph/opdef.h"

namespace pyflame::graph {

struct FlatNode {
  const OpDef* op;
  DType dtype;
  Shape shape;
  std::vector<u32> inputs;
  std::vector<i64> attrs;  // all words; the leading op->num_params are stale, params hold the live ones
  Shape strides;           // of a leaf, as it lies in memory
  int leaf = -1;           // >= 0: index among the leaves, whose data arrives with each run
  int param = -1;          // index of the first runtime parameter
  u16 immediate = 0;       // kImmediateLeft or kImmediateRight: that operand is params[param]
  bool keep = false;       // its value is wanted after the run
  u32 position = 0;        // in the trace, of what it computes; of no meaning inside a composite
  bool constant = false;   // depends on neither leaves nor parameters: computed once per plan
  bool channels_last = false;  // its value lies in memory with the channels (dimension 1) innermost
  u32 location = 0;
  std::vector<u32> absorbed;       // nodes that it computes besides, in order: for observers
  const OpDef* recorded = nullptr;  // the op it was, where a pass has put another in its place
  std::vector<OutputSpec> outputs;  // of an op with several outputs, all of them
  std::vector<int> projections;     // node of output k + 1, or -1

  bool is_leaf() const { return leaf >= 0; }
  int num_params() const { return immediate ? 1 : op->num_params; }
};

struct FlatGraph {
  std::vector<FlatNode> nodes;
  std::vector<u32> replaced_by;  // node i is computed by node replaced_by[i] (itself unless a pass merged it away)
  u32 num_leaves = 0;

  u32 resolve(u32 i) const {
    while (replaced_by[i] != i) i = replaced_by[i];
    return i;
  }
};

}  // namespace pyflame::graph
