// Reductions over any set of dimensions.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

enum class ReduceOp : u8 { kSum, kMean, kProd, kMax, kMin, kAny, kAll };

// Bit i of `mask` set: dimension i of `in` is reduced. `out` is contiguous with the kept dimensions in order (its
// shape may keep reduced dimensions as 1). Sum, mean and prod of float16 and bfloat16 accumulate in float; those of
// integers and bool read `in` as `out`'s dtype. Max and min propagate NaN. An empty sum is 0, an empty prod 1, an
// empty mean NaN; max and min of nothing are refused by the shape rule. float sums are pairwise over blocks. The
// result does not depend on the number of threads.
void reduce(ReduceOp op, const View& in, u32 mask, const View& out);

// Index (int64) of the first largest or smallest element along `dim` (-1: of the flattened tensor); NaN wins.
void arg_reduce(bool largest, const View& in, int dim, const View& out);

// Softmax or its logarithm along `dim`; numerically stable; `in` any strides, `out` contiguous.
void softmax(bool log, const View& in, int dim, const View& out);
// Gradient from the upstream gradient and the forward result (both contiguous).
void softmax_grad(bool log, const View& grad, const View& result, int dim, const View& out);

}  // namespace pyflame::cpu
