#include "cpu/factor_kernels.h"

#include <cmath>

#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

template <class T>
constexpr int kVectors = static_cast<int>(kFactorBlock) / kWidth<T>;

// A row of a panel, of which only elements behind `column` count: the others are zeros, so that what is subtracted there
// is nothing.
template <class T>
struct RowBehind {
  Vec<T> parts[kVectors<T>];

  RowBehind(const T* row, i64 column) {
    T values[kFactorBlock];
    for (i64 j = 0; j < kFactorBlock; ++j) values[j] = j > column ? row[j] : T(0);
    for (int v = 0; v < kVectors<T>; ++v) parts[v] = load(values + v * kWidth<T>);
  }
};

template <class T>
void lu(i64 m, i64 n, T* panel, i64* pivots) {
  for (i64 j = 0; j < n && j < m; ++j) {
    T* top = panel + j * kFactorBlock;
    i64 best = j;
    T largest = std::fabs(top[j]);
    for (i64 i = j + 1; i < m; ++i) {
      const T size = std::fabs(panel[i * kFactorBlock + j]);
      if (size > largest) largest = size, best = i;
    }
    pivots[j] = best;
    T* chosen = panel + best * kFactorBlock;
    for (i64 k = 0; best != j && k < kFactorBlock; ++k) {
      const T kept = top[k];
      top[k] = chosen[k], chosen[k] = kept;
    }
    if (top[j] == T(0)) continue;  // as all below it
    const RowBehind<T> row(top, j);
    const int first = static_cast<int>((j + 1) / kWidth<T>);
    for (i64 i = j + 1; i < m; ++i) {
      T* to = panel + i * kFactorBlock;
      const T factor = to[j] / top[j];
      for (int v = first; v < kVectors<T>; ++v) store(to + v * kWidth<T>, load(to + v * kWidth<T>) - factor * row.parts[v]);
      to[j] = factor;  // last: a vector that is loaded right after one of its elements was stored waits for memory
    }
  }
}

// Householder's reflections, as LAPACK's larfg makes them. Sums of squares are of double, which holds those of any float.
template <class T>
bool qr(i64 m, i64 n, T* panel, T* scales) {
  for (i64 j = 0; j < n && j < m; ++j) {
    T* top = panel + j * kFactorBlock;
    double squares[4] = {};
    for (i64 i = j + 1; i < m; ++i) {
      const double x = panel[i * kFactorBlock + j];
      squares[i & 3] += x * x;
    }
    const double below = (squares[0] + squares[1]) + (squares[2] + squares[3]), alpha = top[j];
    const double norm = std::sqrt(alpha * alpha + below), beta = alpha > 0 ? -norm : norm;
    if (!(norm > 0x1p-480) || !(norm < 0x1p480)) return false;
    scales[j] = static_cast<T>((beta - alpha) / beta);
    const T inverse = static_cast<T>(1 / (alpha - beta));
    const int first = static_cast<int>((j + 1) / kWidth<T>);
    Vec<T> sums[kVectors<T>];
    for (int v = first; v < kVectors<T>; ++v) sums[v] = load(top + v * kWidth<T>);
    for (i64 i = j + 1; i < m; ++i) {
      const T* row = panel + i * kFactorBlock;
      const T factor = row[j] * inverse;
      for (int v = first; v < kVectors<T>; ++v) sums[v] += factor * load(row + v * kWidth<T>);
    }
    T products[kFactorBlock] = {};
    for (int v = first; v < kVectors<T>; ++v) store(products + v * kWidth<T>, scales[j] * sums[v]);
    const RowBehind<T> taken(products, j);
    top[j] = static_cast<T>(beta);
    for (int v = first; v < kVectors<T>; ++v) store(top + v * kWidth<T>, load(top + v * kWidth<T>) - taken.parts[v]);
    for (i64 i = j + 1; i < m; ++i) {
      T* row = panel + i * kFactorBlock;
      const T factor = row[j] * inverse;
      for (int v = first; v < kVectors<T>; ++v) store(row + v * kWidth<T>, load(row + v * kWidth<T>) - factor * taken.parts[v]);
      row[j] = factor;
    }
  }
  return true;
}

// `read` and `write` are of vector v of the columns of a row of B.
template <class T, int vectors, class Read, class Write>
inline void solve_columns(i64 n, const Triangle<T>& t, T* b, i64 ldb, Read read, Write write) {
  for (i64 step = 0; step < n; ++step) {
    const i64 i = t.upper ? n - 1 - step : step, from = t.upper ? i + 1 : 0, to = t.upper ? n : i;
    Vec<T> sums[vectors];
    for (int v = 0; v < vectors; ++v) sums[v] = read(b + i * ldb, v);
    for (i64 j = from; j < to; ++j) {
      const T factor = t.a[i * t.row + j * t.column];
      for (int v = 0; v < vectors; ++v) sums[v] -= factor * read(b + j * ldb, v);
    }
    const T pivot = t.a[i * (t.row + t.column)];
    for (int v = 0; v < vectors; ++v) write(b + i * ldb, v, t.unit ? sums[v] : sums[v] / pivot);
  }
}

template <class T>
void solve(i64 n, const Triangle<T>& t, i64 columns, T* b, i64 ldb) {
  constexpr int w = kWidth<T>;
  auto read = [](const T* row, int v) { return load(row + v * w); };
  auto write = [](T* row, int v, Vec<T> value) { store(row + v * w, value); };
  i64 c = 0;
  for (; c + 4 * w <= columns; c += 4 * w) solve_columns<T, 4>(n, t, b + c, ldb, read, write);
  for (; c + w <= columns; c += w) solve_columns<T, 1>(n, t, b + c, ldb, read, write);
  if (c == columns) return;
  const Lanes<T> rest(static_cast<int>(columns - c));
  solve_columns<T, 1>(
      n, t, b + c, ldb, [&](const T* row, int) { return load(row, rest); },
      [&](T* row, int, Vec<T> value) { store(row, value, rest); });
}

}  // namespace

const FactorKernels factor_kernels = {{lu<float>, qr<float>, solve<float>}, {lu<double>, qr<double>, solve<double>}};

}  // namespace pyflame::cpu::PYFLAME_TIER
