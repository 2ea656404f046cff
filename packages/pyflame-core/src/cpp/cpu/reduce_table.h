// The vectorised inner loops of reductions, one table per instruction-set tier.
#pragma once
#include "cpu/reduce.h"
#include "cpu/tier.h"
#include "cpu/tile.h"

namespace pyflame::cpu {

// One running result. float sums and products run in double between blocks, so blocks may be folded in sequence.
union Accumulator {
  double real;
  i64 integer;
};

struct FoldKernels {
  Accumulator start;
  // Folds n contiguous elements of the class into one result.
  void (*fold)(Accumulator* acc, const void* x, i64 n);
  // Folds `rows` rows, `stride` elements apart, into `columns` results.
  void (*fold_rows)(Accumulator* acc, const void* x, i64 stride, i64 rows, i64 columns);
  // Folds n results of blocks into n others.
  void (*merge)(Accumulator* acc, const Accumulator* blocks, i64 n);
};

struct ReduceTable {
  // By sum (also mean), prod, max, min, any, all and class. Products of bools and integers are folded as int64.
  FoldKernels fold[6][kNumClasses];
  const FoldKernels& of(ReduceOp op, TileClass c) const { return fold[op == ReduceOp::kSum ? 0 : static_cast<int>(op) - 1][c]; }
  // Position of the first element equal to `value` (or the first NaN when it is NaN), or -1.
  i64 (*find[kNumClasses])(const void* x, i64 n, Accumulator value);
  // Takes row number `row` into the first smallest [0] or largest [1] of each column; row 0 starts afresh.
  void (*arg_rows[2][kNumClasses])(void* best, i64* index, const void* x, i64 row, i64 columns);
};

struct SoftmaxTable {
  void (*forward_float)(bool log, float* out, const float* x, i64 n);
  void (*forward_double)(bool log, double* out, const double* x, i64 n);
  void (*backward_float)(bool log, float* out, const float* grad, const float* y, i64 n);
  void (*backward_double)(bool log, double* out, const double* grad, const double* y, i64 n);
  // `count` lines side by side: their elements are `stride` apart.
  void (*columns_float)(bool log, float* out, const float* x, i64 n, i64 x_stride, i64 out_stride, i64 count);
  void (*columns_double)(bool log, double* out, const double* x, i64 n, i64 x_stride, i64 out_stride, i64 count);
  void (*columns_grad_float)(bool log, float* out, const float* grad, const float* y, i64 n, i64 stride, i64 count);
  void (*columns_grad_double)(bool log, double* out, const double* grad, const double* y, i64 n, i64 stride, i64 count);
};

PYFLAME_DECLARE_TIERS(ReduceTable, reduce_table)
PYFLAME_DECLARE_TIERS(SoftmaxTable, softmax_table)

}  // namespace pyflame::cpu
