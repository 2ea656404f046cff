#include "cpu/gemm_integer.h"

#include <type_traits>

#include "cpu/arithmetic.h"
#include "cpu/gemm_amx.h"
#include "cpu/gemm_blocked.h"
#include "cpu/precision.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

// Real holds every integer up to here, so sums below it are not rounded; and bfloat16 up to kHalfExact.
template <class Real>
constexpr u64 kExact = u64{1} << (sizeof(Real) == 4 ? 24 : 53);
constexpr u64 kHalfExact = 256;
constexpr i64 kLeastWork = 1 << 15, kLeastDepth = 64, kRows = 512, kColumns = 1024, kMostDepth = 1024;

// The largest magnitude.
template <class T>
u64 extent(const T* in, i64 rows, i64 columns, i64 row, i64 column) {
  using Unsigned = std::make_unsigned_t<T>;
  Unsigned most = 0;
  if (column != 1 && row == 1) {
    i64 swap = rows;
    rows = columns, columns = swap;
    swap = row;
    row = column, column = swap;
  }
  for (i64 i = 0; i < rows; ++i) {
    for (i64 j = 0; j < columns; ++j) {
      const T value = in[i * row + j * column];
      const Unsigned size = value < 0 ? Unsigned{0} - static_cast<Unsigned>(value) : static_cast<Unsigned>(value);
      most = size > most ? size : most;
    }
  }
  return most;
}

template <class T, class Real>
void to_floats(const T* in, i64 rows, i64 columns, i64 row, i64 column, Real* out) {
  parallel_for(rows, rows * columns >= 64 * 1024 ? 64 : rows, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      for (i64 j = 0; j < columns; ++j) out[i * columns + j] = static_cast<Real>(in[i * row + j * column]);
    }
  });
}

void multiply_exactly(const Product<double>& g, bool) { gemm_plain(g); }
void multiply_exactly(const Product<float>& g, bool halves) {
  if (halves && suits_amx(g) && amx_float_parts()) return gemm_amx(g, 1, nullptr);
  gemm_plain(g);
}

template <class T, class Real>
void add(const Real* sums, i64 rows, i64 columns, T* out, i64 ldc, bool accumulate) {
  parallel_for(rows, rows * columns >= 64 * 1024 ? 64 : rows, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      for (i64 j = 0; j < columns; ++j) {
        using Unsigned = std::make_unsigned_t<T>;
        const Unsigned sum = static_cast<Unsigned>(static_cast<i64>(sums[i * columns + j]));
        const Unsigned before = accumulate ? static_cast<Unsigned>(out[i * ldc + j]) : 0;
        out[i * ldc + j] = static_cast<T>(before + sum);
      }
    }
  });
}

// How many products of numbers up to these a Real holds the sum of.
template <class Real>
i64 exact_depth(u64 most_a, u64 most_b) {
  const u64 depth = most_a == 0 || most_b == 0 ? kMostDepth : kExact<Real> / most_a / most_b;
  return depth < kMostDepth ? static_cast<i64>(depth) : kMostDepth;
}

template <class Real, class T>
void multiply_by_way_of(const Product<T>& g, i64 depth, bool halves) {
  for (i64 j = 0; j < g.n; j += kColumns) {
    const i64 n = least(kColumns, g.n - j);
    for (i64 p = 0; p < g.k; p += depth) {
      const i64 k = least(depth, g.k - p);
      Real* b = scratch<Real>(Scratch::kHalfB, k * n);
      to_floats(g.b + p * g.b_row + j * g.b_col, k, n, g.b_row, g.b_col, b);
      for (i64 i = 0; i < g.m; i += kRows) {
        const i64 m = least(kRows, g.m - i);
        Real *a = scratch<Real>(Scratch::kHalfA, m * k), *sums = scratch<Real>(Scratch::kHalfC, m * n);
        to_floats(g.a + i * g.a_row + p * g.a_col, m, k, g.a_row, g.a_col, a);
        multiply_exactly({m, n, k, a, k, 1, b, n, 1, sums, n, false}, halves);
        add(sums, m, n, g.c + i * g.ldc + j, g.ldc, p > 0);
      }
    }
  }
}

}  // namespace

template <class T>
bool gemm_small_integers(const Product<T>& g) {
  if (g.m * g.n * g.k < kLeastWork || g.accumulate) return false;
  const u64 most_a = extent(g.a, g.m, g.k, g.a_row, g.a_col), most_b = extent(g.b, g.k, g.n, g.b_row, g.b_col);
  const i64 least_depth = least(kLeastDepth, g.k);
  const i64 floats = exact_depth<float>(most_a, most_b), doubles = exact_depth<double>(most_a, most_b);
  if (sizeof(T) == 4 && floats >= least_depth) {
    multiply_by_way_of<float>(g, floats, most_a <= kHalfExact && most_b <= kHalfExact);
  } else if (doubles >= least_depth) {
    multiply_by_way_of<double>(g, doubles, false);
  } else {
    return false;
  }
  return true;
}

template bool gemm_small_integers(const Product<i32>&);
template bool gemm_small_integers(const Product<i64>&);

}  // namespace pyflame::cpu
