// A chain that ends in a reduction over its last dimensions: what is reduced is never in memory as a whole.
#pragma once
#include "cpu/elementwise.h"
#include "cpu/reduce.h"

namespace pyflame::cpu {

// As run_tile_program, for a program with a chain, but output number `folded` is reduced into `out`, `length` elements at
// a time. To the bit what `reduce` makes of that output in memory.
void reduce_chain(const TileProgram& program, const Shape& shape, const View* inputs, const u64* params,
                  void* const* outputs, int folded, ReduceOp op, i64 length, const View& out);

}  // namespace pyflame::cpu
