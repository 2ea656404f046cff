#include "runtime/tile_group.h"

#include <algorithm>

namespace pyflame::runtime {

using graph::FlatGraph;
using graph::FlatNode;

namespace {

class Builder {
 public:
  Builder(const FlatGraph& graph, const std::vector<u32>& group, const std::function<bool(u32)>& is_parameter,
          const std::function<bool(u32)>& is_output)
      : graph_(graph), group_(group), last_(group.size(), -1) {
    result_.operands.resize(group.size());
    for (std::size_t m = 0; m < group.size(); ++m) read_operands(m, is_parameter);
    for (std::size_t m = 0; m < group.size(); ++m) {
      if (!is_output(group[m])) continue;
      result_.outputs.push_back(m);
      last_[m] = static_cast<int>(group.size());
    }
    assign_registers();
  }

  TileGroup take() { return std::move(result_); }

 private:
  const FlatNode& node(u32 i) const { return graph_.nodes[i]; }

  int add_input(TileSource source, DType dtype) {
    std::vector<TileSource>& sources = result_.sources;
    for (std::size_t k = 0; k < sources.size(); ++k) {
      if (sources[k].param == source.param && sources[k].node == source.node) return static_cast<int>(k);
    }
    sources.push_back(source);
    result_.program.inputs.push_back({dtype, static_cast<u8>(sources.size() - 1), source.param});
    return static_cast<int>(sources.size()) - 1;
  }

  // Inputs as they are met, then results of earlier members (numbered from kTileMember).
  void read_operands(std::size_t m, const std::function<bool(u32)>& is_parameter) {
    constexpr u32 kNoNode = ~0u;
    const FlatNode& n = node(group_[m]);
    std::vector<int>& operands = result_.operands[m];
    auto end = group_.begin() + static_cast<std::ptrdiff_t>(m);
    for (u32 input : n.inputs) {
      auto member = std::lower_bound(group_.begin(), end, input);
      if (member != end && *member == input) {
        operands.push_back(kTileMember + static_cast<int>(member - group_.begin()));
        last_[static_cast<std::size_t>(member - group_.begin())] = static_cast<int>(m);
      } else if (is_parameter(input)) {
        operands.push_back(add_input({node(input).param, kNoNode}, node(input).dtype));
      } else {
        operands.push_back(add_input({-1, input}, node(input).dtype));
      }
    }
    if (n.immediate) {
      int value = add_input({n.param, kNoNode}, node(n.inputs[0]).dtype);
      operands.insert(n.immediate == graph::kImmediateLeft ? operands.begin() : operands.end(), value);
    }
  }

  // One for each input, then results, reused after their last reader. Outputs keep theirs to the end.
  void assign_registers() {
    cpu::TileProgram& program = result_.program;
    int next = static_cast<int>(result_.sources.size());
    std::vector<int> reg(group_.size(), -1), free;
    for (std::size_t m = 0; m < group_.size(); ++m) {
      const FlatNode& n = node(group_[m]);
      if (free.empty()) free.push_back(next++);
      reg[m] = free.back();
      free.pop_back();
      cpu::TileStep step{static_cast<TileOp>(n.op->tile_op), DType::kBool, n.dtype, static_cast<u8>(reg[m]), {0, 0, 0}};
      for (std::size_t k = 0; k < result_.operands[m].size(); ++k) {
        int operand = result_.operands[m][k];
        step.in[k] = static_cast<u8>(operand >= kTileMember ? reg[static_cast<std::size_t>(operand - kTileMember)] : operand);
      }
      step.in_dtype = node(n.inputs.back()).dtype;
      program.steps.push_back(step);
      for (std::size_t k = 0; k < m; ++k) {
        if (last_[k] == static_cast<int>(m)) free.push_back(reg[k]);
      }
    }
    program.num_registers = next;
    for (std::size_t m : result_.outputs) {
      program.outputs.push_back(static_cast<u8>(reg[m]));
      program.out_dtypes.push_back(node(group_[m]).dtype);
    }
  }

  const FlatGraph& graph_;
  const std::vector<u32>& group_;
  std::vector<int> last_;  // member that reads a member last; beyond the group for outputs
  TileGroup result_;
};

}  // namespace

TileGroup build_tile_group(const FlatGraph& graph, const std::vector<u32>& group,
                           const std::function<bool(u32)>& is_parameter, const std::function<bool(u32)>& is_output) {
  TileGroup result = Builder(graph, group, is_parameter, is_output).take();
  if (result.program.num_registers < cpu::kMaxTileRegisters) result.program.chain = cpu::build_chain(result.program);
  return result;
}

}  // namespace pyflame::runtime
