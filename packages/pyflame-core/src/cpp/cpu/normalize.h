// Normalization of rows by their own moments.
#pragma once
#include "cpu/norm_table.h"
#include "cpu/view.h"

namespace pyflame::cpu {

// x is contiguous, rows of `row.n` elements; weights (contiguous, one number for each segment of `groups` consecutive
// rows; may have no data) and their gradients are float64 for float64 rows, float32 for others. `out` as x.
void normalize(const NormRow& row, i64 groups, const View& x, const View& weight, const View& bias, const View& out);

// grad as x. The gradients of weight and bias may have no data. Sums run over fixed blocks of rows, whatever the number
// of threads.
void normalize_grad(const NormRow& row, i64 groups, const View& grad, const View& x, const View& weight, const View& out,
                    const View& grad_weight, const View& grad_bias);

}  // namespace pyflame::cpu
