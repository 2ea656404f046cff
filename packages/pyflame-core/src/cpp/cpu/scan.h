// Scans: results that carry a running value along one dimension. `in` any strides, `out` contiguous and of its shape.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

enum class ScanOp : u8 { kSum, kProd, kLogSumExp };

// out[i] = in[0] + ... + in[i] along dim (or from the end backwards), and likewise for the other ops. Accumulates
// float32 and float64 in double, 16-bit floats in float, integers in int64. bool is refused by the record.
void scan(ScanOp op, const View& in, int dim, bool reverse, const View& out);

// The largest (or smallest) element so far and where it is, the last place on ties; NaN wins.
void scan_extreme(bool largest, const View& in, int dim, const View& values, const View& indices);

// out[i] = factor[i] * out[i - 1] + term[i], starting from 0 (reverse: factor[i] * out[i + 1] + term[i]).
void linear_scan(const View& factor, const View& term, int dim, bool reverse, const View& out);

}  // namespace pyflame::cpu
