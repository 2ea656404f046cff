#include "cpu/chain.h"

#include <cstring>

#include "cpu/chain_run.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kParallelTiles = 32;  // fewer than 32 K elements stay on one thread
constexpr i64 kTilesPerChunk = 16;
constexpr i64 kShortestRow = 4;  // blocks: each row begins with finding its inputs and ends with a tile for its rest

struct alignas(64) ChainScratch {
  char slots[kMaxChainSlots][kChainSlotBytes];
};
thread_local ChainScratch t_scratch;

using Access = BoundInput::Access;

const ChainInstructions& instructions_of(const Chain& chain) {
  return chain.is_double ? active_chain_table().of_double() : active_chain_table().of_float();
}

}  // namespace

ChainRun::ChainRun(const TileProgram& program, const Shape& shape, const View* inputs, const u64* params,
                   void* const* outputs, int folded)
    : program_(program), code_(instructions_of(program.chain)), outputs_(outputs), folded_(folded),
      num_inputs_(program.inputs.size()) {
  for (std::size_t k = 0; k < num_inputs_; ++k) {
    inputs_[k].bind(program.inputs[k], shape, &inputs[k], params);
    const Access access = inputs_[k].access;
    in_place_ &= access == Access::kDirect || access == Access::kConstant || access == Access::kRows;
    // Of trailing dimensions: of two rows the longer is a multiple of the shorter.
    if (access == Access::kRows && inputs_[k].row() < row_) row_ = inputs_[k].row();
  }
  for (std::size_t k = 0; k < program.outputs.size(); ++k) {
    partly_in_place_ &= is_native(program.out_dtypes[k]) || static_cast<int>(k) == folded;
  }
  find_overwrites();
  in_place_ = in_place_ && partly_in_place_ && row_ >= kShortestRow * code_.block;
}

// A short row that is repeated: a tile that begins anywhere in it finds it laid out often enough.
bool ChainRun::is_laid_out_once(std::size_t k) const {
  const BoundInput& input = inputs_[k];
  if (in_place_ || input.access != Access::kRows || input.dims.ndim != 2 || input.dims.stride[0] != 0) return false;
  return (kTile + input.row()) * dtype_size(input.dtype) <= kTileSlotBytes;
}

// Outputs whose memory is an input's.
void ChainRun::find_overwrites() {
  const Chain& chain = program_.chain;
  for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
    for (std::size_t i = 0; i < num_inputs_; ++i) {
      if (inputs_[i].access != Access::kDirect || inputs_[i].data != outputs_[k]) continue;
      repeatable_ = false;
      if (chain.last_read[i] > chain.first_write[k]) partly_in_place_ = false;
    }
  }
}

ChainWorker::ChainWorker(const ChainRun& run) : run_(run), program_(run.program_), code_(run.code_) {
  const Chain& chain = program_.chain;
  std::memcpy(static_cast<void*>(items_), chain.items.data(), chain.items.size() * sizeof(ChainItem));
  for (std::size_t k = 0; k < run.num_inputs_; ++k) {
    const BoundInput& input = run.inputs_[k];
    if (run.is_laid_out_once(k)) input.read(tile_scratch().slots[k], 0, kTile + input.row());
    if (input.access != Access::kConstant || program_.inputs[k].param >= 0) continue;
    in_[k] = {{tile_scratch().slots[k]}, 0};
    splat(input.dtype, &input.constant, in_[k].memory, code_.block);
  }
}

void ChainWorker::run(i64 begin, i64 end) {
  if (!run_.in_place_) {
    for (i64 at = begin; at < end; at += kTile) run_tile(at, end - at < kTile ? end - at : kTile);
    return;
  }
  for (i64 next; begin < end; begin = next) {
    next = run_.row_end(begin) < end ? run_.row_end(begin) : end;
    i64 whole = (next - begin) / code_.block * code_.block;
    if (whole > 0 && run_.repeatable_) whole = next - begin;
    if (whole > 0) run_in_place(begin, whole);
    if (begin + whole < next) run_staged(begin + whole, next - begin - whole, 0);
  }
}

const char* ChainWorker::read(i64 begin, i64 count) {
  if (!run_.in_place_) return run_tile(begin, count), folded_tile(0);
  const bool one_row = run_.in_place_ && begin + count <= run_.row_end(begin);
  const i64 whole = one_row ? count / code_.block * code_.block : 0;
  if (whole > 0) run_in_place(begin, whole);
  if (whole < count) run_staged(begin + whole, count - whole, whole);
  return folded_tile(0);
}

char* ChainWorker::folded_tile(i64 at) const {
  const std::size_t k = static_cast<std::size_t>(run_.folded_);
  return tile_scratch().slots[kMaxTileRegisters + k] + at * class_size(class_of(program_.out_dtypes[k]));
}

void ChainWorker::run_in_place(i64 begin, i64 count) {
  for (std::size_t k = 0; k < run_.num_inputs_; ++k) {
    const BoundInput& input = run_.inputs_[k];
    const i64 size = dtype_size(input.dtype);
    if (input.access == Access::kDirect) {
      in_[k] = {{const_cast<char*>(input.data) + begin * size}, size};
    } else if (input.access == Access::kRows && input.repeats()) {
      in_[k] = {{tile_scratch().slots[k]}, 0};
      splat(input.dtype, input.element(begin), in_[k].memory, code_.block);
    } else if (input.access == Access::kRows) {
      in_[k] = {{const_cast<char*>(input.element(begin))}, size};
    }
  }
  bind_outputs(begin);
  run_blocks(count);
}

void ChainWorker::bind_outputs(i64 begin) {
  for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
    const i64 size = class_size(class_of(program_.out_dtypes[k]));
    bool folded = static_cast<int>(k) == run_.folded_;
    out_[k] = {{folded ? folded_tile(0) : static_cast<char*>(run_.outputs_[k]) + begin * size}, size};
  }
}

// At most a tile: whole blocks read and write in place what lies as they need it.
void ChainWorker::run_tile(i64 begin, i64 count) {
  if (!run_.partly_in_place_ || count % code_.block != 0) return run_staged(begin, count, 0);
  for (std::size_t k = 0; k < run_.num_inputs_; ++k) {
    const BoundInput& input = run_.inputs_[k];
    const i64 size = class_size(class_of(input.dtype));
    char* slot = tile_scratch().slots[k];
    if (input.access == Access::kConstant) continue;
    if (input.access == Access::kDirect) {
      in_[k] = {{const_cast<char*>(input.data) + begin * size}, size};
    } else if (run_.is_laid_out_once(k)) {
      in_[k] = {{slot + begin % input.row() * size}, size};
    } else {
      input.read(slot, begin, count);
      in_[k] = {{slot}, size};
    }
  }
  bind_outputs(begin);
  run_blocks(count);
}

// A tile whose inputs are laid out as blocks need them, and whose results are converted or cut where they end.
void ChainWorker::run_staged(i64 begin, i64 count, i64 folded_at) {
  char(*slots)[kTileSlotBytes] = tile_scratch().slots;
  for (std::size_t k = 0; k < run_.num_inputs_; ++k) {
    const BoundInput& input = run_.inputs_[k];
    const i64 size = class_size(class_of(input.dtype));
    if (input.access == Access::kConstant) continue;
    if (run_.is_laid_out_once(k)) {
      in_[k] = {{slots[k] + begin % input.row() * size}, size};
    } else {
      input.read(slots[k], begin, count);
      in_[k] = {{slots[k]}, size};
    }
  }
  for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
    bool folded = static_cast<int>(k) == run_.folded_;
    out_[k] = {{folded ? folded_tile(folded_at) : slots[kMaxTileRegisters + k]}, class_size(class_of(program_.out_dtypes[k]))};
  }
  run_blocks((count + code_.block - 1) / code_.block * code_.block);
  for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
    if (static_cast<int>(k) == run_.folded_) continue;
    const DType dtype = program_.out_dtypes[k];
    char* memory = static_cast<char*>(run_.outputs_[k]) + begin * dtype_size(dtype);
    active_convert_table().store[static_cast<int>(dtype)](memory, out_[k].memory, count);
  }
}

void ChainWorker::run_blocks(i64 count) {
  for (const ChainBinding& binding : program_.chain.bindings) {
    ChainOperand& operand = items_[binding.item].in[binding.operand];
    switch (binding.place) {
      case ChainPlace::kInput: operand = in_[binding.index]; break;
      case ChainPlace::kOutput: operand = out_[binding.index]; break;
      case ChainPlace::kSlot: operand = {{t_scratch.slots[binding.index]}, 0}; break;
      case ChainPlace::kNumber: operand.number = run_.inputs_[binding.index].constant; break;
    }
  }
  code_.run(items_, count);
}

bool run_chain(const TileProgram& program, const Shape& shape, i64 n, const View* inputs, const u64* params,
               void* const* outputs) {
  if (program.chain.items.empty()) return false;
  const ChainRun run(program, shape, inputs, params, outputs, -1);
  const i64 tiles = (n + kTile - 1) / kTile;
  parallel_for(tiles, tiles <= kParallelTiles ? tiles : kTilesPerChunk, [&](i64 begin, i64 end) {
    ChainWorker(run).run(begin * kTile, end * kTile < n ? end * kTile : n);
  });
  return true;
}

}  // namespace pyflame::cpu
