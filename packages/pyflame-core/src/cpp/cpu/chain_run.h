// One execution of a chain: its inputs are bound once, its range is worked on by one worker for each thread.
#pragma once
#include <limits>

#include "cpu/chain_table.h"
#include "cpu/tile_input.h"

namespace pyflame::cpu {

class ChainRun {
 public:
  // `folded`: an output that has no memory, but is handed out tile by tile; negative where there is none.
  ChainRun(const TileProgram& program, const Shape& shape, const View* inputs, const u64* params, void* const* outputs, int folded);

 private:
  friend class ChainWorker;
  void find_overwrites();
  i64 row_end(i64 at) const { return at / row_ * row_ + row_; }
  bool is_laid_out_once(std::size_t k) const;

  const TileProgram& program_;
  const ChainInstructions& code_;
  void* const* outputs_;
  const int folded_;
  const std::size_t num_inputs_;
  bool in_place_ = true;  // blocks can read inputs and write outputs where they lie, within a row of row_ elements
  bool partly_in_place_ = true;  // some inputs: the others are laid out a tile at a time, results written where they lie
  bool repeatable_ = true;  // computing an element again gives the same
  i64 row_ = std::numeric_limits<i64>::max();
  // Unset beyond what the program uses: for a handful of elements clearing them would be most of the cost.
  BoundInput inputs_[kMaxTileRegisters];
};

class ChainWorker {
 public:
  explicit ChainWorker(const ChainRun& run);
  void run(i64 begin, i64 end);
  // At most a tile; the elements of the folded output, until the next call.
  const char* read(i64 begin, i64 count);

 private:
  void run_in_place(i64 begin, i64 count);
  void run_tile(i64 begin, i64 count);
  void bind_outputs(i64 begin);
  void run_staged(i64 begin, i64 count, i64 folded_at);
  void run_blocks(i64 count);
  char* folded_tile(i64 at) const;

  const ChainRun& run_;
  const TileProgram& program_;
  const ChainInstructions& code_;
  ChainItem items_[kMaxChainItems];
  // Element i of input k lies at in_[k].memory + i * in_[k].step, counted from the start of the piece worked on.
  ChainOperand in_[kMaxTileRegisters], out_[kMaxTileRegisters];
};

}  // namespace pyflame::cpu
