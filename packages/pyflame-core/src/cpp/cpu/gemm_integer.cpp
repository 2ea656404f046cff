#include "cpu/gemm_integer.h"

#include "cpu/arithmetic.h"
#include "cpu/gemm_amx.h"
#include "cpu/gemm_blocked.h"
#include "cpu/precision.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kExact = i64{1} << 24;  // float holds every integer up to here, so sums below it are not rounded
constexpr i64 kHalfExact = 256;       // and bfloat16 up to here
constexpr i64 kLeastWork = 1 << 15, kLeastDepth = 64, kRows = 512, kColumns = 1024, kMostDepth = 1024;

// The largest magnitude.
i64 extent(const i32* in, i64 rows, i64 columns, i64 row, i64 column) {
  u32 most = 0;
  if (column != 1 && row == 1) {
    i64 swap = rows;
    rows = columns, columns = swap;
    swap = row;
    row = column, column = swap;
  }
  for (i64 i = 0; i < rows; ++i) {
    for (i64 j = 0; j < columns; ++j) {
      const i32 value = in[i * row + j * column];
      const u32 size = value < 0 ? 0u - static_cast<u32>(value) : static_cast<u32>(value);
      most = size > most ? size : most;
    }
  }
  return most;
}

void to_floats(const i32* in, i64 rows, i64 columns, i64 row, i64 column, float* out) {
  parallel_for(rows, rows * columns >= 64 * 1024 ? 64 : rows, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      for (i64 j = 0; j < columns; ++j) out[i * columns + j] = static_cast<float>(in[i * row + j * column]);
    }
  });
}

void multiply_exactly(const Product<float>& g, bool halves) {
  if (halves && suits_amx(g) && amx_float_parts()) return gemm_amx(g, 1, nullptr);
  gemm_plain(g);
}

void add(const float* sums, i64 rows, i64 columns, i32* out, i64 ldc, bool accumulate) {
  parallel_for(rows, rows * columns >= 64 * 1024 ? 64 : rows, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      for (i64 j = 0; j < columns; ++j) {
        const u32 sum = static_cast<u32>(static_cast<i32>(sums[i * columns + j]));
        u32 before = accumulate ? static_cast<u32>(out[i * ldc + j]) : 0;
        out[i * ldc + j] = static_cast<i32>(before + sum);
      }
    }
  });
}

}  // namespace

bool gemm_small_integers(const Product<i32>& g) {
  if (g.m * g.n * g.k < kLeastWork || g.accumulate) return false;
  const i64 most_a = extent(g.a, g.m, g.k, g.a_row, g.a_col);
  if (most_a > kExact / kLeastDepth) return false;
  const i64 most_b = extent(g.b, g.k, g.n, g.b_row, g.b_col);
  if (most_b > kExact / kLeastDepth) return false;
  const i64 largest = most_a * most_b, depth = largest == 0 ? kMostDepth : least(kMostDepth, kExact / largest);
  if (depth < least(kLeastDepth, g.k)) return false;
  const bool halves = most_a <= kHalfExact && most_b <= kHalfExact;
  for (i64 j = 0; j < g.n; j += kColumns) {
    const i64 n = least(kColumns, g.n - j);
    for (i64 p = 0; p < g.k; p += depth) {
      const i64 k = least(depth, g.k - p);
      float* b = scratch<float>(Scratch::kHalfB, k * n);
      to_floats(g.b + p * g.b_row + j * g.b_col, k, n, g.b_row, g.b_col, b);
      for (i64 i = 0; i < g.m; i += kRows) {
        const i64 m = least(kRows, g.m - i);
        float *a = scratch<float>(Scratch::kHalfA, m * k), *sums = scratch<float>(Scratch::kHalfC, m * n);
        to_floats(g.a + i * g.a_row + p * g.a_col, m, k, g.a_row, g.a_col, a);
        multiply_exactly({m, n, k, a, k, 1, b, n, 1, sums, n, false}, halves);
        add(sums, m, n, g.c + i * g.ldc + j, g.ldc, p > 0);
      }
    }
  }
  return true;
}

}  // namespace pyflame::cpu
