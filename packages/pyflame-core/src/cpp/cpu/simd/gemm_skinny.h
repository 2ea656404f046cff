// Products with few rows in A, where reading B is the whole cost: each reads B from memory once.
#pragma once
#include "cpu/gemm_kernels.h"
#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

inline constexpr int kSkinnyRows = kVectorBytes == 64 ? 4 : 2;

// `sums` rows += A columns [0, kDepth) times B rows [0, kDepth), over n columns. The group is summed before it meets
// the rest: fewer roundings in the long sum. `ahead`: the next group, too short a run for the hardware to foresee,
// is fetched meanwhile.
template <class T, int kRows, int kDepth>
void stream_rows(const T* a, i64 a_row, i64 a_col, const T* b, i64 b_row, i64 n, T* sums, i64 sums_row, bool ahead) {
  Vec<T> x[kRows][kDepth];
  for (int i = 0; i < kRows; ++i) {
    for (int q = 0; q < kDepth; ++q) x[i][q] = broadcast(a[i * a_row + q * a_col]);
  }
  i64 j = 0;
  for (; j + kWidth<T> <= n; j += kWidth<T>) {
    Vec<T> row[kDepth];
    for (int q = 0; q < kDepth; ++q) row[q] = load(b + q * b_row + j);
    for (int q = 0; q < kDepth && ahead; ++q) __builtin_prefetch(b + (kDepth + q) * b_row + j);
    for (int i = 0; i < kRows; ++i) {
      Vec<T> total = x[i][0] * row[0];
      for (int q = 1; q < kDepth; ++q) total = fma(x[i][q], row[q], total);
      store(sums + i * sums_row + j, load(sums + i * sums_row + j) + total);
    }
  }
  if (j == n) return;
  Lanes<T> tail(static_cast<int>(n - j));
  for (int i = 0; i < kRows; ++i) {
    Vec<T> total = x[i][0] * load(b + j, tail);
    for (int q = 1; q < kDepth; ++q) total = fma(x[i][q], load(b + q * b_row + j, tail), total);
    store(sums + i * sums_row + j, load(sums + i * sums_row + j) + total);
  }
}

template <class T, int kDepth>
void stream_group(const Product<T>& g, const T* a, const T* b, i64 columns, T* sums, i64 sums_row) {
  const bool ahead = columns * static_cast<i64>(sizeof(T)) <= 4096;
  i64 i = 0;
  for (; i + kSkinnyRows <= g.m; i += kSkinnyRows) {
    stream_rows<T, kSkinnyRows, kDepth>(a + i * g.a_row, g.a_row, g.a_col, b, g.b_row, columns, sums + i * sums_row,
                                        sums_row, ahead && i == 0);
  }
  for (; i < g.m; ++i) {
    stream_rows<T, 1, kDepth>(a + i * g.a_row, g.a_row, g.a_col, b, g.b_row, columns, sums + i * sums_row, sums_row,
                              ahead && i == 0);
  }
}

// Columns go in chunks whose sums stay in the first-level cache while all of B's rows pass by. The sums are apart
// from C, whose rows may share cache sets.
template <class T>
void stream(const Product<T>& g) {
  constexpr i64 kElements = 16384 / static_cast<i64>(sizeof(T)), kPad = 2 * kWidth<T>;
  alignas(64) T sums[kElements + kMaxStreamRows * kPad];
  i64 chunk = kElements / g.m / kWidth<T> * kWidth<T>;
  for (i64 j = 0; j < g.n; j += chunk) {
    const i64 columns = g.n - j < chunk ? g.n - j : chunk, row = (columns / kWidth<T> + 1) * kWidth<T>;
    for (i64 q = 0; q < g.m * row; ++q) sums[q] = T(0);
    i64 p = 0;
    for (; p + 4 <= g.k; p += 4) {
      stream_group<T, 4>(g, g.a + p * g.a_col, g.b + p * g.b_row + j, columns, sums, row);
    }
    for (; p < g.k; ++p) stream_group<T, 1>(g, g.a + p * g.a_col, g.b + p * g.b_row + j, columns, sums, row);
    for (i64 i = 0; i < g.m; ++i) {
      T* c = g.c + i * g.ldc + j;
      for (i64 q = 0; q < columns; ++q) c[q] = g.accumulate ? c[q] + sums[i * row + q] : sums[i * row + q];
    }
  }
}

// kRows x kColumns dot products.
template <class T, int kRows, int kColumns>
void dot_tile(const Product<T>& g, const T* a, const T* b, T* c) {
  Vec<T> sums[kRows][kColumns] = {};
  i64 p = 0;
  for (; p + kWidth<T> <= g.k; p += kWidth<T>) {
    Vec<T> column[kColumns];
    for (int j = 0; j < kColumns; ++j) column[j] = load(b + j * g.b_col + p);
    for (int i = 0; i < kRows; ++i) {
      Vec<T> x = load(a + i * g.a_row + p);
      for (int j = 0; j < kColumns; ++j) sums[i][j] = fma(x, column[j], sums[i][j]);
    }
  }
  if (p < g.k) {
    Lanes<T> tail(static_cast<int>(g.k - p));
    Vec<T> column[kColumns];
    for (int j = 0; j < kColumns; ++j) column[j] = load(b + j * g.b_col + p, tail);
    for (int i = 0; i < kRows; ++i) {
      Vec<T> x = load(a + i * g.a_row + p, tail);
      for (int j = 0; j < kColumns; ++j) sums[i][j] = fma(x, column[j], sums[i][j]);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) {
      T total = sum(sums[i][j]);
      c[i * g.ldc + j] = g.accumulate ? c[i * g.ldc + j] + total : total;
    }
  }
}

template <class T, int kColumns>
void dot_columns(const Product<T>& g, i64 begin, i64 end, i64 j) {
  const T* b = g.b + j * g.b_col;
  i64 i = begin;
  for (; i + kSkinnyRows <= end; i += kSkinnyRows) {
    dot_tile<T, kSkinnyRows, kColumns>(g, g.a + i * g.a_row, b, g.c + i * g.ldc + j);
  }
  for (; i < end; ++i) dot_tile<T, 1, kColumns>(g, g.a + i * g.a_row, b, g.c + i * g.ldc + j);
}

template <class T>
void dots(const Product<T>& g) {
  constexpr i64 kRows = 16;  // these rows of A are read again for every few columns
  for (i64 i = 0; i < g.m; i += kRows) {
    i64 end = g.m < i + kRows ? g.m : i + kRows, j = 0;
    for (; j + 4 <= g.n; j += 4) dot_columns<T, 4>(g, i, end, j);
    for (; j < g.n; ++j) dot_columns<T, 1>(g, i, end, j);
  }
}

}  // namespace pyflame::cpu::PYFLAME_TIER
