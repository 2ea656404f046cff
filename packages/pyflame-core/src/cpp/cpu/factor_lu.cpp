#include <algorithm>
#include <cstring>

#include "cpu/arithmetic.h"
#include "cpu/factor.h"
#include "cpu/gemm_blocked.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kColumns = 128;  // of a part, in the solution with a diagonal block

template <class T>
void copy_rows(i64 rows, i64 columns, const T* from, i64 from_step, T* to, i64 to_step) {
  for (i64 i = 0; i < rows; ++i) {
    std::memcpy(to + i * to_step, from + i * from_step, static_cast<std::size_t>(columns) * sizeof(T));
  }
}

template <class T>
void exchange_rows(i64 first, i64 end, const i64* pivots, i64 columns, T* a, i64 step) {
  for (i64 i = first; i < end; ++i) {
    if (pivots[i] != i) std::swap_ranges(a + i * step, a + i * step + columns, a + pivots[i] * step);
  }
}

template <class T>
void solve_block(i64 n, const Triangle<T>& triangle, i64 k, T* b, i64 ldb) {
  parallel_for(k, kColumns, [&](i64 begin, i64 end) {
    factor_functions<T>().solve(n, triangle, end - begin, b + begin, ldb);
  });
}

}  // namespace

template <class T>
void subtract_product(i64 m, i64 n, i64 k, const T* a, i64 a_row, i64 a_column, const T* b, i64 ldb, T* c, i64 ldc) {
  if (m == 0 || n == 0 || k == 0) return;
  T* negative = scratch<T>(Scratch::kColumns, k * n);
  for (i64 i = 0; i < k; ++i) {
    for (i64 j = 0; j < n; ++j) negative[i * n + j] = -b[i * ldb + j];
  }
  gemm_plain<T>({m, n, k, a, a_row, a_column, negative, n, 1, c, ldc, true});
}

template <class T>
void solve_triangle(i64 n, const Triangle<T>& t, i64 k, T* b, i64 ldb, bool triangular) {
  const i64 blocks = ceil_div(n, kFactorBlock);
  for (i64 step = 0; step < blocks; ++step) {
    const i64 s = (t.upper ? blocks - 1 - step : step) * kFactorBlock, e = least(s + kFactorBlock, n);
    const i64 columns = triangular ? e : k;
    solve_block(e - s, t.block(s), columns, b + s * ldb, ldb);
    const i64 from = t.upper ? 0 : e, rest = t.upper ? s : n - e;
    subtract_product(rest, columns, e - s, t.a + from * t.row + s * t.column, t.row, t.column, b + s * ldb, ldb,
                     b + from * ldb, ldb);
  }
}

template <class T>
bool factor_lu(i64 n, T* a, i64* pivots) {
  for (i64 s = 0; s < n; s += kFactorBlock) {
    const i64 e = least(s + kFactorBlock, n), width = e - s, rows = n - s;
    T* panel = scratch<T>(Scratch::kImage, rows * kFactorBlock);
    if (width < kFactorBlock) std::memset(panel, 0, static_cast<std::size_t>(rows * kFactorBlock) * sizeof(T));
    copy_rows(rows, width, a + s * n + s, n, panel, kFactorBlock);
    factor_functions<T>().lu(rows, width, panel, pivots + s);
    copy_rows(rows, width, panel, kFactorBlock, a + s * n + s, n);
    for (i64 i = s; i < e; ++i) pivots[i] += s;
    exchange_rows(s, e, pivots, s, a, n);
    exchange_rows(s, e, pivots, n - e, a + e, n);
    solve_block(width, Triangle<T>{a + s * (n + 1), n, 1, false, true}, n - e, a + s * n + e, n);
    subtract_product(n - e, n - e, width, a + e * n + s, n, 1, a + s * n + e, n, a + e * n + e, n);
  }
  for (i64 i = 0; i < n; ++i) {
    if (a[i * (n + 1)] == T(0)) return false;
  }
  return true;
}

template <class T>
void solve_lu(i64 n, i64 k, const T* a, const i64* pivots, T* b) {
  exchange_rows(0, n, pivots, k, b, k);
  solve_triangle(n, Triangle<T>{a, n, 1, false, true}, k, b, k);
  solve_triangle(n, Triangle<T>{a, n, 1, true, false}, k, b, k);
}

template <class T>
void invert_lu(i64 n, T* a, const i64* pivots, T* work) {
  std::memset(work, 0, static_cast<std::size_t>(n * n) * sizeof(T));
  for (i64 i = 0; i < n; ++i) work[i * (n + 1)] = 1;
  solve_triangle(n, Triangle<T>{a, n, 1, false, true}, n, work, n, true);
  solve_triangle(n, Triangle<T>{a, n, 1, true, false}, n, work, n);
  // The inverse of LU, of exchanged rows, has the columns of the inverse of A exchanged.
  for (i64 i = 0; i < n; ++i) {
    T* row = work + i * n;
    for (i64 j = n; j-- > 0;) std::swap(row[j], row[pivots[j]]);
  }
  std::memcpy(a, work, static_cast<std::size_t>(n * n) * sizeof(T));
}

#define PYFLAME_FACTOR(T)                                                                                        \
  template void subtract_product<T>(i64, i64, i64, const T*, i64, i64, const T*, i64, T*, i64);                  \
  template void solve_triangle<T>(i64, const Triangle<T>&, i64, T*, i64, bool);                                  \
  template bool factor_lu<T>(i64, T*, i64*);                                                                      \
  template void solve_lu<T>(i64, i64, const T*, const i64*, T*);                                                 \
  template void invert_lu<T>(i64, T*, const i64*, T*);
PYFLAME_FACTOR(float)
PYFLAME_FACTOR(double)
#undef PYFLAME_FACTOR

}  // namespace pyflame::cpu
