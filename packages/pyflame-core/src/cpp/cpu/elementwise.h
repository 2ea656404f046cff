// Elementwise programs: short straight-line code run tile by tile, so that a fused chain reads its inputs and
// writes its outputs once. A single elementwise op is a program of one step.
//
// A register holds one tile in its class (cpu/tile.h): halves as float, other dtypes as memory does. Every step rounds its
// result to `out`'s dtype, so a fused chain gives bit for bit what separate ops give.
#pragma once
#include <vector>

#include "base/tile_op.h"
#include "cpu/chain.h"
#include "cpu/view.h"

namespace pyflame::cpu {

using pyflame::TileOp;

struct TileStep {
  TileOp op;
  DType in_dtype;   // of the operands (of x and y for `where`)
  DType out_dtype;
  u8 out;           // registers
  u8 in[3];
};

struct TileInput {
  DType dtype;
  u8 reg;
  // >= 0: not a view but params[param], a double when dtype is floating and an i64 otherwise. Beside an integer tensor the
  // number may be beyond its dtype: the step is computed in int64 then, and wraps at its end.
  int param = -1;
};

struct TileProgram {
  std::vector<TileInput> inputs;
  std::vector<TileStep> steps;
  std::vector<u8> outputs;         // register stored to output k
  std::vector<DType> out_dtypes;
  int num_registers = 0;           // less than kMaxTileRegisters
  Chain chain;                     // the same as threaded code, where it has the form of a chain
};
inline constexpr int kMaxTileRegisters = 33;

// `shape` is the common output shape; inputs are views already broadcast to it (stride 0 where they repeat), one
// for each TileInput (ignored for immediates); outputs are contiguous, and may be the memory of an input that is
// contiguous and has the same element size.
void run_tile_program(const TileProgram& program, const Shape& shape, const View* inputs, const u64* params,
                      void* const* outputs);

// out = convert(in), both strided, same shape.
void copy_strided(const View& in, const View& out);

}  // namespace pyflame::cpu
