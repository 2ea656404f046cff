// Graph in, better graph out. Each pass keeps node numbering: a node that is merged away forwards to its replacement
// (FlatGraph::replaced_by), so source locations and requested outputs stay attached.
#pragma once
#include "graph/flat_graph.h"

namespace pyflame::passes {

using graph::FlatGraph;

void simplify(FlatGraph& graph);   // identities and cancelling pairs of views, casts and negations
void merge_common(FlatGraph& graph);  // common subexpressions (nodes with runtime parameters differ by them)
void join_parts(FlatGraph& graph);  // tensors placed side by side among zeros and added up are joined
void mark_constants(FlatGraph& graph);  // constant folding: what depends on no leaf and no parameter runs once
// Convolution takes over what follows it element by element (normalization, residual, rectifier), and hands its result to
// the next convolution in the layout that one reads.
void fuse_convolutions(FlatGraph& graph);
// Matrix products take over a bias by column, a residual and a rectifier that follow them.
void fuse_products(FlatGraph& graph);
// Padding of several dimensions is one pass over memory.
void fuse_paddings(FlatGraph& graph);
// Rows of a table are added up without a copy of them.
void fuse_lookups(FlatGraph& graph);

// One step of execution: a single node, or several elementwise nodes fused into one pass over memory, after which may
// stand a reduction of one of them over its last dimensions.
struct Step {
  std::vector<u32> nodes;
  bool folds = false;  // the last node is that reduction
};

// Dead code is what no step mentions: only nodes that kept values depend on are scheduled. With `fuse`, connected
// elementwise nodes of one shape share a step.
std::vector<Step> schedule(const FlatGraph& graph, bool fuse);

// How many elements in a row the reduction `node` of `input` reduces to one; 0 where they do not follow each other.
i64 trailing_length(const graph::FlatNode& node, const graph::FlatNode& input);

}  // namespace pyflame::passes
