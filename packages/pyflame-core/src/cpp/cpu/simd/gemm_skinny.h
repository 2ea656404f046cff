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

inline constexpr int kDotRows = kVectorBytes == 64 ? 8 : 4;
inline constexpr i64 kDotChunk = 24;  // columns whose sums wait between blocks of K

// Columns of a tile: its sums, a vector of each column and one of A fill the registers, and a chunk is whole tiles.
constexpr int dot_columns(int rows) {
  int columns = (kVectorBytes == 64 ? 31 : 15) / (rows + 1);
  if (columns > 8) columns = 8;
  while (kDotChunk % columns != 0) --columns;
  return columns;
}

// Sums of kRows x kColumns dot products, a vector each, over one block of K. `next`: what is read after these columns,
// fetched meanwhile, because runs of one block are too short for the hardware to foresee.
template <class T, int kRows, int kColumns>
void dot_tile(i64 k, const T* a, i64 a_row, const T* b, i64 b_col, const T* next, Vec<T>* sums, i64 sums_column,
              bool first) {
  Vec<T> total[kRows][kColumns];
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) total[i][j] = first ? Vec<T>{} : sums[j * sums_column + i];
  }
  i64 p = 0;
  for (; p + kWidth<T> <= k; p += kWidth<T>) {
    Vec<T> column[kColumns];
    for (int j = 0; j < kColumns; ++j) {
      column[j] = load(b + j * b_col + p);
      __builtin_prefetch(next + j * b_col + p);
    }
    for (int i = 0; i < kRows; ++i) {
      Vec<T> x = load(a + i * a_row + p);
      for (int j = 0; j < kColumns; ++j) total[i][j] = fma(x, column[j], total[i][j]);
    }
  }
  if (p < k) {
    Lanes<T> tail(static_cast<int>(k - p));
    Vec<T> column[kColumns];
    for (int j = 0; j < kColumns; ++j) column[j] = load(b + j * b_col + p, tail);
    for (int i = 0; i < kRows; ++i) {
      Vec<T> x = load(a + i * a_row + p, tail);
      for (int j = 0; j < kColumns; ++j) total[i][j] = fma(x, column[j], total[i][j]);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) sums[j * sums_column + i] = total[i][j];
  }
}

// The same for a chunk of columns.
template <class T, int kRows>
void dot_rows(i64 k, const T* a, i64 a_row, const T* b, i64 b_col, i64 columns, const T* next, Vec<T>* sums,
              i64 sums_column, bool first) {
  constexpr int kColumns = dot_columns(kRows);
  i64 j = 0;
  for (; j + kColumns <= columns; j += kColumns) {
    const T* at = b + j * b_col;
    dot_tile<T, kRows, kColumns>(k, a, a_row, at, b_col, j + kColumns < columns ? at + kColumns * b_col : next,
                                 sums + j * sums_column, sums_column, first);
  }
  for (; j < columns; ++j) {
    dot_tile<T, kRows, 1>(k, a, a_row, b + j * b_col, b_col, next, sums + j * sums_column, sums_column, first);
  }
}

template <class T, int kRows = kDotRows>
void dot_block(i64 rows, i64 k, const T* a, i64 a_row, const T* b, i64 b_col, i64 columns, const T* next, Vec<T>* sums,
               i64 sums_column, bool first) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      return dot_block<T, kRows - 1>(rows, k, a, a_row, b, b_col, columns, next, sums, sums_column, first);
    }
  }
  dot_rows<T, kRows>(k, a, a_row, b, b_col, columns, next, sums, sums_column, first);
}

// Columns go in chunks, whose sums stay in the caches while blocks of K pass by: the block of A is in the first-level
// cache, and columns of B are read from memory in runs of a block.
template <class T>
void dots(const Product<T>& g, i64 c_col) {
  const i64 rows = even_panel(g.m, kDotRows);
  Vec<T> sums[kDotChunk * kMaxStreamRows];
  for (i64 j = 0; j < g.n; j += kDotChunk) {
    const i64 columns = g.n - j < kDotChunk ? g.n - j : kDotChunk;
    const T* b = g.b + j * g.b_col;
    for (i64 p = 0; p < g.k; p += kDotDepth<T>) {
      const i64 k = g.k - p < kDotDepth<T> ? g.k - p : kDotDepth<T>;
      const T* after = p + k < g.k ? b + p + k : b + columns * g.b_col;
      for (i64 i = 0; i < g.m; i += rows) {
        const bool last = i + rows >= g.m;
        dot_block<T>(last ? g.m - i : rows, k, g.a + p * g.a_col + i * g.a_row, g.a_row, b + p, g.b_col, columns,
                     last ? after : b + p, sums + i, g.m, p == 0);
      }
    }
    for (i64 i = 0; i < g.m; ++i) {
      for (i64 q = 0; q < columns; ++q) {
        T *c = g.c + i * g.ldc + (j + q) * c_col, total = sum(sums[q * g.m + i]);
        *c = g.accumulate ? *c + total : total;
      }
    }
  }
}

}  // namespace pyflame::cpu::PYFLAME_TIER
