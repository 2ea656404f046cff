#include "cpu/chain.h"

#include <cstring>

#include "cpu/chain_table.h"
#include "cpu/threads.h"
#include "cpu/tile_input.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kParallelTiles = 32;  // fewer than 32 K elements stay on one thread
constexpr i64 kTilesPerChunk = 16;

struct alignas(64) ChainScratch {
  char slots[kMaxChainSlots][kChainSlotBytes];
};
thread_local ChainScratch t_slots;

using Access = BoundInput::Access;

// Members stay unset beyond what a program uses: for a handful of elements clearing them would be most of the cost.
class ChainRun {
 public:
  ChainRun(const TileProgram& program, const Shape& shape, i64 n, const View* inputs, const u64* params,
           void* const* outputs)
      : program_(program), chain_(program.chain),
        code_(chain_.is_double ? active_chain_table().of_double() : active_chain_table().of_float()), outputs_(outputs),
        n_(n), num_inputs_(program.inputs.size()) {
    for (std::size_t k = 0; k < num_inputs_; ++k) {
      inputs_[k].bind(program.inputs[k], shape, &inputs[k], params);
      in_place_ &= inputs_[k].access == Access::kDirect || inputs_[k].access == Access::kConstant;
    }
    for (DType dtype : program.out_dtypes) in_place_ &= is_native(dtype);
  }

  bool overwrites() const {
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      for (std::size_t i = 0; i < num_inputs_; ++i) {
        if (inputs_[i].access == Access::kDirect && inputs_[i].data == outputs_[k] &&
            chain_.last_read[i] > chain_.first_write[k]) {
          return true;
        }
      }
    }
    return false;
  }

  void run() const {
    i64 tiles = (n_ + kTile - 1) / kTile;
    parallel_for(tiles, tiles <= kParallelTiles ? tiles : kTilesPerChunk, [this](i64 begin, i64 end) {
      run_range(begin * kTile, end * kTile < n_ ? end * kTile : n_);
    });
  }

 private:
  // Operands of a piece of the range: element i of input k at in[k].memory + i * in[k].step.
  struct Places {
    ChainOperand in[kMaxTileRegisters], out[kMaxTileRegisters];
  };

  void run_range(i64 begin, i64 end) const {
    ChainItem items[kMaxChainItems];
    Places places;
    std::memcpy(static_cast<void*>(items), chain_.items.data(), chain_.items.size() * sizeof(ChainItem));
    for (std::size_t k = 0; k < num_inputs_; ++k) {
      const BoundInput& input = inputs_[k];
      if (input.access != Access::kConstant || program_.inputs[k].param >= 0) continue;
      places.in[k] = {{tile_scratch().slots[k]}, 0};
      splat(input.dtype, &input.constant, places.in[k].memory, code_.block);
    }
    const i64 whole = in_place_ ? (end - begin) / code_.block * code_.block : 0;
    if (whole > 0) run_in_place(items, places, begin, whole);
    for (i64 at = begin + whole; at < end; at += kTile) {
      run_staged(items, places, at, end - at < kTile ? end - at : kTile);
    }
  }

  void run_in_place(ChainItem* items, Places& places, i64 begin, i64 count) const {
    for (std::size_t k = 0; k < num_inputs_; ++k) {
      if (inputs_[k].access != Access::kDirect) continue;
      const i64 size = dtype_size(inputs_[k].dtype);
      places.in[k] = {{const_cast<char*>(inputs_[k].data) + begin * size}, size};
    }
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      const i64 size = dtype_size(program_.out_dtypes[k]);
      places.out[k] = {{static_cast<char*>(outputs_[k]) + begin * size}, size};
    }
    run_blocks(items, places, count);
  }

  // A tile whose inputs are laid out as blocks need them, and whose results are converted or cut where they end.
  void run_staged(ChainItem* items, Places& places, i64 begin, i64 count) const {
    char(*slots)[kTileSlotBytes] = tile_scratch().slots;
    for (std::size_t k = 0; k < num_inputs_; ++k) {
      if (inputs_[k].access == Access::kConstant) continue;
      inputs_[k].read(slots[k], begin, count);
      places.in[k] = {{slots[k]}, class_size(class_of(inputs_[k].dtype))};
    }
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      places.out[k] = {{slots[kMaxTileRegisters + k]}, class_size(class_of(program_.out_dtypes[k]))};
    }
    run_blocks(items, places, (count + code_.block - 1) / code_.block * code_.block);
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      const DType dtype = program_.out_dtypes[k];
      char* memory = static_cast<char*>(outputs_[k]) + begin * dtype_size(dtype);
      active_convert_table().store[static_cast<int>(dtype)](memory, places.out[k].memory, count);
    }
  }

  void run_blocks(ChainItem* items, const Places& places, i64 count) const {
    for (const ChainBinding& binding : chain_.bindings) {
      ChainOperand& operand = items[binding.item].in[binding.operand];
      switch (binding.place) {
        case ChainPlace::kInput: operand = places.in[binding.index]; break;
        case ChainPlace::kOutput: operand = places.out[binding.index]; break;
        case ChainPlace::kSlot: operand = {{t_slots.slots[binding.index]}, 0}; break;
        case ChainPlace::kNumber: operand.number = inputs_[binding.index].constant; break;
      }
    }
    code_.run(items, count);
  }

  const TileProgram& program_;
  const Chain& chain_;
  const ChainInstructions& code_;
  void* const* outputs_;
  const i64 n_;
  const std::size_t num_inputs_;
  bool in_place_ = true;  // blocks can read inputs and write outputs where they lie
  BoundInput inputs_[kMaxTileRegisters];
};

}  // namespace

bool run_chain(const TileProgram& program, const Shape& shape, i64 n, const View* inputs, const u64* params,
               void* const* outputs) {
  if (program.chain.items.empty()) return false;
  ChainRun run(program, shape, n, inputs, params, outputs);
  if (run.overwrites()) return false;
  run.run();
  return true;
}

}  // namespace pyflame::cpu
