#include "cpu/gemm_half.h"

#include "base/half.h"
#include "cpu/arithmetic.h"
#include "cpu/gemm_blocked.h"
#include "cpu/gemm_amx.h"
#include "cpu/half.h"
#include "cpu/precision.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kBlockRows = 512, kBlockColumns = 512, kBlockDepth = 768;

// A block as float, contiguous along whichever dimension is contiguous in memory.
struct FloatBlock {
  const float* data;
  i64 row, col;
};

FloatBlock convert(DType dtype, Scratch block, const u16* in, i64 rows, i64 columns, i64 row, i64 col, bool threaded) {
  float* out = scratch<float>(block, rows * columns);
  bool by_columns = row == 1 && col != 1;
  if (by_columns) {
    i64 swap = rows;
    rows = columns, columns = swap;
    swap = row;
    row = col, col = swap;
  }
  parallel_for(rows, threaded ? 64 : rows, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      const u16* from = in + i * row;
      float* to = out + i * columns;
      if (col == 1) {
        halves_to_float(dtype, from, columns, to);
      } else {
        for (i64 j = 0; j < columns; ++j) {
          to[j] = dtype == DType::kBFloat16 ? bfloat16_to_float(from[j * col]) : float16_to_float(from[j * col]);
        }
      }
    }
  });
  return by_columns ? FloatBlock{out, 1, columns} : FloatBlock{out, columns, 1};
}

}  // namespace

void gemm_half(DType dtype, const Product<u16>& g, Buffer* weight) {
  if (dtype == DType::kBFloat16 && suits_amx(g) && amx_halves()) return gemm_amx(g, weight);
  const bool threaded = g.m * g.n * g.k >= kThreadedWork;
  for (i64 i0 = 0; i0 < g.m; i0 += kBlockRows) {
    for (i64 j0 = 0; j0 < g.n; j0 += kBlockColumns) {
      i64 m = least(kBlockRows, g.m - i0), n = least(kBlockColumns, g.n - j0);
      float* c = scratch<float>(Scratch::kHalfC, m * n);
      for (i64 p0 = 0; p0 < g.k || p0 == 0; p0 += kBlockDepth) {
        i64 k = least(kBlockDepth, g.k - p0);
        const u16 *a_at = g.a + i0 * g.a_row + p0 * g.a_col, *b_at = g.b + p0 * g.b_row + j0 * g.b_col;
        FloatBlock a = convert(dtype, Scratch::kHalfA, a_at, m, k, g.a_row, g.a_col, threaded);
        FloatBlock b = convert(dtype, Scratch::kHalfB, b_at, k, n, g.b_row, g.b_col, threaded);
        gemm_plain(Product<float>{m, n, k, a.data, a.row, a.col, b.data, b.row, b.col, c, n, p0 > 0});
      }
      for (i64 i = 0; i < m; ++i) float_to_halves(dtype, c + i * n, n, g.c + (i0 + i) * g.ldc + j0);
    }
  }
}

}  // namespace pyflame::cpu
