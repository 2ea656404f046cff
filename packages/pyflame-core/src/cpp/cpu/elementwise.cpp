#include "cpu/elementwise.h"

#include <cstring>
#include <string>

#include "base/error.h"
#include "cpu/elementwise_table.h"
#include "cpu/reduce_table.h"
#include "cpu/threads.h"
#include "cpu/tile_input.h"
#include "cpu/wide_numbers.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kParallelTiles = 32;  // fewer than 32 K elements stay on one thread
constexpr i64 kTilesPerChunk = 16;
struct Kernels {
  ConvertTable convert;
  TileFn fn[static_cast<int>(TileOp::where)][kNumClasses];

  Kernels() : convert(active_convert_table()) {
    std::memcpy(fn[0], active_unary_table().fn, sizeof(UnaryTable));
    std::memcpy(fn[kFirstBinary], active_binary_table().fn, sizeof(BinaryTable));
    std::memcpy(fn[kFirstCompare], active_compare_table().fn, sizeof(CompareTable));
  }
};

const Kernels& kernels() {
  static const Kernels table;
  return table;
}

void check_divisor(TileOp op, TileClass c, const char* divisor, i64 count) {
  if (op != TileOp::floor_divide && op != TileOp::remainder && op != TileOp::fmod) return;
  const FoldKernels& all = active_reduce_table().of(ReduceOp::kAll, c);
  Accumulator nonzero = all.start;
  all.fold(&nonzero, divisor, count);
  if (nonzero.integer) return;
  const char* name = op == TileOp::floor_divide ? "floor_divide" : op == TileOp::remainder ? "remainder" : "fmod";
  runtime_error("[" + std::string(name) + "] integer division by zero");
}

void run_step(const Kernels& kernels, const TileStep& step, char* out, const char* const* at, i64 count) {
  const TileClass in_class = class_of(step.in_dtype);
  const char* a = at[step.in[0]];
  if (step.op < TileOp::add) {
    kernels.fn[static_cast<int>(step.op)][in_class](out, a, nullptr, nullptr, count);
  } else if (step.op < TileOp::where) {
    const char* b = at[step.in[1]];
    if (in_class < kClassFloat) check_divisor(step.op, in_class, b, count);
    kernels.fn[static_cast<int>(step.op)][in_class](out, a, b, nullptr, count);
  } else if (step.op == TileOp::where) {
    kernels.convert.where[in_class](out, a, at[step.in[1]], at[step.in[2]], count);
  } else {
    kernels.convert.cast[in_class][class_of(step.out_dtype)](out, a, nullptr, nullptr, count);
  }
  if (auto round = kernels.convert.round[static_cast<int>(step.out_dtype)]) round(out, count);
}

// An output its register's last step writes straight to memory.
struct Target {
  char* data;
  i64 step, size;
  u8 reg;
};

// Members stay unset beyond what a program uses: for a handful of elements clearing them would be most of the cost.
class Run {
 public:
  Run(const TileProgram& program, const Shape& shape, i64 n, const View* inputs, const u64* params,
      void* const* outputs)
      : program_(program), kernels_(kernels()), outputs_(outputs), n_(n) {
    num_inputs_ = static_cast<int>(program.inputs.size());
    for (int i = 0; i < num_inputs_; ++i) {
      inputs_[i].bind(program.inputs[static_cast<std::size_t>(i)], shape, &inputs[i], params);
    }
    bind_outputs();
  }

  void run() {
    if (n_ <= kTile) return run_range(0, n_);
    i64 tiles = (n_ + kTile - 1) / kTile;
    parallel_for(tiles, tiles <= kParallelTiles ? tiles : kTilesPerChunk, [this](i64 begin, i64 end) {
      run_range(begin * kTile, end * kTile < n_ ? end * kTile : n_);
    });
  }

 private:
  // An output of its class's native dtype is written in place by the last step on its register, unless its memory is
  // an input's that is read afterwards.
  void bind_outputs() {
    const i64 steps = static_cast<i64>(program_.steps.size());
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      u8 reg = program_.outputs[k];
      DType dtype = program_.out_dtypes[k];
      if (!is_native(dtype) || find_target(reg)) continue;
      i64 step = steps - 1;
      while (step >= 0 && program_.steps[static_cast<std::size_t>(step)].out != reg) --step;
      if (step < 0 || program_.steps[static_cast<std::size_t>(step)].out_dtype != dtype) continue;
      if (is_read_after(step, outputs_[k])) continue;
      targets_[num_targets_++] = {static_cast<char*>(outputs_[k]), step, dtype_size(dtype), reg};
    }
  }

  const Target* find_target(u8 reg) const {
    for (int i = 0; i < num_targets_; ++i) {
      if (targets_[i].reg == reg) return &targets_[i];
    }
    return nullptr;
  }

  bool is_read_after(i64 step, const void* memory) const {
    for (int i = 0; i < num_inputs_; ++i) {
      const BoundInput& source = inputs_[i];
      if (source.access != BoundInput::Access::kDirect || source.data != memory) continue;
      for (u8 reg : program_.outputs) {
        if (reg == source.reg) return true;
      }
      for (std::size_t later = static_cast<std::size_t>(step) + 1; later < program_.steps.size(); ++later) {
        for (u8 reg : program_.steps[later].in) {
          if (reg == source.reg) return true;
        }
      }
    }
    return false;
  }

  void run_range(i64 begin, i64 end) const {
    char(*slots)[kTileSlotBytes] = tile_scratch().slots;
    const i64 widest = end - begin < kTile ? end - begin : kTile;
    for (int i = 0; i < num_inputs_; ++i) {
      const BoundInput& source = inputs_[i];
      if (source.access != BoundInput::Access::kConstant) continue;
      splat(source.dtype, &source.constant, slots[kMaxTileRegisters + source.reg], widest);
    }
    for (; begin < end; begin += kTile) run_tile(slots, begin, end - begin < kTile ? end - begin : kTile);
  }

  void run_tile(char (*slots)[kTileSlotBytes], i64 begin, i64 count) const {
    const char* at[kMaxTileRegisters];
    for (int i = 0; i < num_inputs_; ++i) at[inputs_[i].reg] = load(inputs_[i], slots, begin, count);
    i64 index = 0;
    for (const TileStep& step : program_.steps) {
      const Target* target = find_target(step.out);
      bool direct = target && target->step == index;
      char* out = direct ? target->data + begin * target->size : slots[step.out];
      run_step(kernels_, step, out, at, count);
      at[step.out] = out;
      ++index;
    }
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      const char* result = at[program_.outputs[k]];
      DType dtype = program_.out_dtypes[k];
      char* memory = static_cast<char*>(outputs_[k]) + begin * dtype_size(dtype);
      if (memory != result) kernels_.convert.store[static_cast<int>(dtype)](memory, result, count);
    }
  }

  // Constants lie in slot [kMaxTileRegisters + register]: a step may reuse the register before the next tile.
  static const char* load(const BoundInput& input, char (*slots)[kTileSlotBytes], i64 begin, i64 count) {
    if (input.access == BoundInput::Access::kConstant) return slots[kMaxTileRegisters + input.reg];
    if (input.access == BoundInput::Access::kDirect) return input.data + begin * dtype_size(input.dtype);
    input.read(slots[input.reg], begin, count);
    return slots[input.reg];
  }

  const TileProgram& program_;
  const Kernels& kernels_;
  void* const* outputs_;
  const i64 n_;
  int num_inputs_ = 0, num_targets_ = 0;
  Target targets_[kMaxTileRegisters];
  BoundInput inputs_[kMaxTileRegisters];
};

// One op on a few contiguous elements, where setting up a Run would take longer than the work.
bool run_small_step(const TileProgram& program, const Shape& shape, i64 n, const View* inputs, const u64* params,
                    void* const* outputs) {
  constexpr std::size_t kMaxInputs = 3;
  constexpr i64 kMaxElements = 64;
  if (n > kMaxElements || program.steps.size() != 1 || program.outputs.size() != 1) return false;
  const TileStep& step = program.steps[0];
  const std::size_t count = program.inputs.size();
  if (count > kMaxInputs || step.out != program.outputs[0]) return false;
  if (!is_native(step.out_dtype) || step.out_dtype != program.out_dtypes[0]) return false;
  const Kernels& table = kernels();
  alignas(64) char constants[kMaxInputs][kMaxElements * 8];
  const char* at[kMaxTileRegisters];
  for (std::size_t i = 0; i < count; ++i) {
    const TileInput& input = program.inputs[i];
    if (input.param >= 0) {
      u64 constant = immediate(params[input.param], input.dtype);
      splat(input.dtype, &constant, constants[i], n);
      at[input.reg] = constants[i];
    } else if (is_native(input.dtype) && is_contiguous(shape, inputs[i].strides)) {
      at[input.reg] = static_cast<const char*>(inputs[i].data);
    } else {
      return false;
    }
  }
  run_step(table, step, static_cast<char*>(outputs[0]), at, n);
  return true;
}

// A conversion alone needs no tiles where memory serves as one.
bool run_conversion(const TileProgram& program, const Shape& shape, const View* inputs, void* const* outputs) {
  if (program.steps.size() != 1 || program.steps[0].op != TileOp::cast || program.inputs.size() != 1) return false;
  if (program.inputs[0].param >= 0 || program.outputs.size() != 1) return false;
  if (program.outputs[0] != program.steps[0].out || program.out_dtypes[0] != program.steps[0].out_dtype) return false;
  copy_strided({inputs[0].data, inputs[0].dtype, shape, inputs[0].strides},
               {outputs[0], program.out_dtypes[0], shape, contiguous_strides(shape)});
  return true;
}

}  // namespace

void run_tile_program(const TileProgram& program, const Shape& shape, const View* inputs, const u64* params,
                      void* const* outputs) {
  const i64 n = shape.numel();
  if (n == 0) return;
  if (has_wide_number(program, params)) return run_tile_program(widened(program), shape, inputs, params, outputs);
  if (run_small_step(program, shape, n, inputs, params, outputs)) return;
  if (run_conversion(program, shape, inputs, outputs)) return;
  if (run_chain(program, shape, n, inputs, params, outputs)) return;
  Run(program, shape, n, inputs, params, outputs).run();
}

}  // namespace pyflame::cpu
