// 2-d pooling. NCHW (leading dimensions are folded by the caller into n * c planes), contiguous views.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

struct PoolGeometry {
  i64 kernel[2], stride[2], padding[2], dilation[2];
};

// input (planes, h, w) -> out (planes, oh, ow) and, when indices.data is set, int64 positions in the plane of the
// first maximum. NaN wins. Every dtype but bool.
void max_pool2d(const View& input, const PoolGeometry& geometry, const View& out, const View& indices);
// (n, c, h, w) float32 with channels innermost, input and result.
void max_pool2d_last(const View& input, const PoolGeometry& geometry, const View& out);
// out (planes, h, w) = gradient scattered (added) to the chosen positions.
void max_pool2d_grad(const View& grad, const View& indices, const View& out);

// divisor: 0 = window size (count_include_pad) or number of real elements; otherwise that number.
void avg_pool2d(const View& input, const PoolGeometry& geometry, bool count_include_pad, i64 divisor,
                const View& out);
void avg_pool2d_grad(const View& grad, const PoolGeometry& geometry, bool count_include_pad, i64 divisor,
                     const View& out);

}  // namespace pyflame::cpu
