// A fused group of elementwise nodes as one tile program.
#pragma once
#include <functional>

#include "cpu/elementwise.h"
#include "graph/flat_graph.h"

namespace pyflame::runtime {

struct TileSource {
  int param;  // >= 0: a runtime parameter, no memory
  u32 node;   // otherwise: the value read
};

struct TileGroup {
  cpu::TileProgram program;               // outputs in the order of `outputs`
  std::vector<TileSource> sources;        // of the program's inputs
  std::vector<std::size_t> outputs;       // members that somebody outside reads
  std::vector<std::vector<int>> operands; // of each member: sources, or kTileMember + an earlier member
};
inline constexpr int kTileMember = 1 << 20;

// `is_parameter`: the value of a node is a parameter of the program; `is_output`: a member's value is read outside.
// cpu::kMaxTileRegisters and more may come out: the caller splits the group then.
TileGroup build_tile_group(const graph::FlatGraph& graph, const std::vector<u32>& group,
                           const std::function<bool(u32)>& is_parameter, const std::function<bool(u32)>& is_output);

}  // namespace pyflame::runtime
