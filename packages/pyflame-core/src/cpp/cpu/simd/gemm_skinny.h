// Products with few rows in A, where reading B is the whole cost: each reads B from memory once.
#pragma once
#include "cpu/gemm_kernels.h"
#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

inline constexpr int kWideRows = kVectorBytes == 64 ? 4 : 2, kStreamRows = kVectorBytes == 64 ? 8 : 4;
inline constexpr i64 kWideDepth = 4, kStreamDepth = 16;
template <class T>
inline constexpr i64 kShortRun = 4096 / static_cast<i64>(sizeof(T));  // of B's rows: the hardware foresees longer ones

// Few rows: `sums` += A columns [0, kWideDepth) times B rows [0, kWideDepth), over n columns, whose sums wait in the
// first-level cache. A group of B's rows is summed before it meets the rest: fewer roundings in the long sum.
template <class T, int kRows>
void wide_rows(const T* a, i64 a_row, i64 a_col, const T* b, i64 b_row, i64 n, T* sums, i64 sums_row) {
  Vec<T> x[kRows][kWideDepth];
  for (int i = 0; i < kRows; ++i) {
    for (int q = 0; q < kWideDepth; ++q) x[i][q] = broadcast(a[i * a_row + q * a_col]);
  }
  const i64 ahead = n <= kShortRun<T> ? kWideDepth * b_row : kShortRun<T> / 2;
  const auto add = [&](i64 j, auto&& load_at) {
    Vec<T> row[kWideDepth];
    for (int q = 0; q < kWideDepth; ++q) row[q] = load_at(b + q * b_row + j);
    for (int q = 0; q < kWideDepth; ++q) __builtin_prefetch(b + q * b_row + j + ahead);
    for (int i = 0; i < kRows; ++i) {
      Vec<T> total = x[i][0] * row[0];
      for (int q = 1; q < kWideDepth; ++q) total = fma(x[i][q], row[q], total);
      store(sums + i * sums_row + j, load(sums + i * sums_row + j) + total);
    }
  };
  i64 j = 0;
  for (; j + kWidth<T> <= n; j += kWidth<T>) add(j, [](const T* at) { return load(at); });
  const Lanes<T> tail(static_cast<int>(n - j));
  if (j < n) add(j, [&](const T* at) { return load(at, tail); });
}

template <class T, int kRows = kWideRows>
i64 wide_groups(const Product<T>& g, i64 column, i64 columns, T* sums, i64 sums_row) {
  if constexpr (kRows > 1) {
    if (g.m < kRows) return wide_groups<T, kRows - 1>(g, column, columns, sums, sums_row);
  }
  i64 p = 0;
  for (; p + kWideDepth <= g.k; p += kWideDepth) {
    wide_rows<T, kRows>(g.a + p * g.a_col, g.a_row, g.a_col, g.b + p * g.b_row + column, g.b_row, columns, sums, sums_row);
  }
  return p;
}

// Vectors of each row whose sums are in registers, beside those of B and one number of A.
constexpr int stream_vectors(int rows) {
  const int vectors = (kVectorBytes == 64 ? 24 : 8) / rows;
  return vectors < 8 ? vectors : 8;
}

// More rows: the same over k rows of B and kVectors vectors of each, whose sums are in registers meanwhile. `ahead`: the
// next rows of B are fetched.
template <class T, int kRows, int kVectors, bool kWhole>
void stream_tile(i64 k, const T* a, i64 a_row, i64 a_col, const T* b, i64 b_row, T* sums, i64 sums_row, bool ahead,
                 Lanes<T> tail) {
  Vec<T> total[kRows][kVectors];
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kVectors; ++j) total[i][j] = Vec<T>{};
  }
  for (i64 p = 0; p < k; ++p, a += a_col, b += b_row) {
    Vec<T> row[kVectors];
    for (int j = 0; j < kVectors; ++j) {
      row[j] = kWhole || j + 1 < kVectors ? load(b + j * kWidth<T>) : load(b + j * kWidth<T>, tail);
      if (ahead) __builtin_prefetch(b + k * b_row + j * kWidth<T>, 0, 2);
    }
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const Vec<T> x = broadcast(a[i * a_row]);
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) total[i][j] = fma(x, row[j], total[i][j]);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kVectors; ++j) {
      T* to = sums + i * sums_row + j * kWidth<T>;
      store(to, load(to) + total[i][j]);
    }
  }
}

template <class T, int kRows = kStreamRows>
void stream_rows(i64 rows, i64 k, const T* a, i64 a_row, i64 a_col, const T* b, i64 b_row, i64 columns, T* sums,
                 i64 sums_row, bool ahead) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      return stream_rows<T, kRows - 1>(rows, k, a, a_row, a_col, b, b_row, columns, sums, sums_row, ahead);
    }
  }
  constexpr int kVectors = stream_vectors(kRows);
  const Lanes<T> all(kWidth<T>);
  i64 j = 0;
  for (; j + kVectors * kWidth<T> <= columns; j += kVectors * kWidth<T>) {
    stream_tile<T, kRows, kVectors, true>(k, a, a_row, a_col, b + j, b_row, sums + j, sums_row, ahead, all);
  }
  for (; j + kWidth<T> <= columns; j += kWidth<T>) {
    stream_tile<T, kRows, 1, true>(k, a, a_row, a_col, b + j, b_row, sums + j, sums_row, ahead, all);
  }
  if (j == columns) return;
  stream_tile<T, kRows, 1, false>(k, a, a_row, a_col, b + j, b_row, sums + j, sums_row, ahead,
                                  Lanes<T>(static_cast<int>(columns - j)));
}

// Columns go in chunks whose sums stay in the first-level cache while all of B's rows pass by. The sums are apart
// from C, whose rows may share cache sets.
template <class T>
void stream(const Product<T>& g) {
  constexpr i64 kElements = 16384 / static_cast<i64>(sizeof(T)), kPad = 2 * kWidth<T>;
  alignas(64) T sums[kElements + kMaxStreamRows * kPad];
  const i64 chunk = kElements / g.m / kWidth<T> * kWidth<T>, rows = even_panel(g.m, kStreamRows);
  for (i64 j = 0; j < g.n; j += chunk) {
    const i64 columns = g.n - j < chunk ? g.n - j : chunk, row = (columns / kWidth<T> + 1) * kWidth<T>;
    for (i64 q = 0; q < g.m * row; ++q) sums[q] = T(0);
    for (i64 p = g.m <= kWideRows ? wide_groups(g, j, columns, sums, row) : 0; p < g.k; p += kStreamDepth) {
      const i64 k = g.k - p < kStreamDepth ? g.k - p : kStreamDepth;
      const bool ahead = columns <= kShortRun<T> && p + 2 * kStreamDepth <= g.k;
      for (i64 i = 0; i < g.m; i += rows) {
        stream_rows<T>(g.m - i < rows ? g.m - i : rows, k, g.a + i * g.a_row + p * g.a_col, g.a_row, g.a_col,
                       g.b + p * g.b_row + j, g.b_row, columns, sums + i * row, row, ahead && i == 0);
      }
    }
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
// fetched meanwhile, because runs of one block are too short for the hardware to foresee; nullptr where they are long.
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
      if (next) __builtin_prefetch(next + j * b_col + p);
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
    dot_tile<T, kRows, kColumns>(k, a, a_row, at, b_col, next && j + kColumns < columns ? at + kColumns * b_col : next,
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
// cache, and columns of B are read from memory in runs of a block. One row of A needs no blocks.
template <class T>
void dots(const Product<T>& g, i64 c_col) {
  const i64 rows = even_panel(g.m, kDotRows), depth = g.m == 1 ? g.k : kDotDepth<T>;
  Vec<T> sums[kDotChunk * kMaxStreamRows];
  for (i64 j = 0; j < g.n; j += kDotChunk) {
    const i64 columns = g.n - j < kDotChunk ? g.n - j : kDotChunk;
    const T* b = g.b + j * g.b_col;
    for (i64 p = 0; p < g.k; p += depth) {
      const i64 k = g.k - p < depth ? g.k - p : depth;
      const T* after = g.m == 1 ? nullptr : p + k < g.k ? b + p + k : b + columns * g.b_col;
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
