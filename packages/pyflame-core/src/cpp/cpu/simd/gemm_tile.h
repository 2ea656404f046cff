// The register tile: a small block of C held in registers while K runs.
#pragma once
#include "cpu/gemm_kernels.h"
#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

// 14 x 2 accumulators, two vectors of B and one broadcast fill 32 registers; 6 x 2 fill 16.
inline constexpr int kTileRows = kVectorBytes == 64 ? kMaxTileRows : 6;

// sums += A B over k. A load under a mask costs a slot of the units that multiply: only for the last columns of B.
template <class T, bool kUnitRows, int kVectors, int kRows, bool kWhole>
inline __attribute__((always_inline)) void add_products(i64 k, const T* a, i64 a_step, const T* b, i64 b_step, Lanes<T> lanes,
                                                        Vec<T> (&sums)[kRows][kVectors]) {
  for (i64 p = 0; p < k; ++p) {
    Vec<T> row[kVectors];
    if constexpr (kVectors == 2) row[0] = load(b);
    const T* last = b + (kVectors - 1) * kWidth<T>;
    row[kVectors - 1] = kWhole ? load(last) : load(last, lanes);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      Vec<T> x = broadcast(kUnitRows ? a[i] : a[i * a_step]);
#pragma GCC unroll 2
      for (int j = 0; j < kVectors; ++j) sums[i][j] = fma(x, row[j], sums[i][j]);
    }
    a += kUnitRows ? a_step : 1;
    b += b_step;
  }
}

template <class T, bool kUnitRows, int kVectors, int kRows>
void tile(i64 k, const T* a, i64 a_step, const T* b, i64 b_step, T* c, i64 ldc, int tail, bool accumulate) {
  Vec<T> sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; ++j) sums[i][j] = Vec<T>{};
    __builtin_prefetch(c + i * ldc, 1);
    if (kVectors == 2) __builtin_prefetch(c + i * ldc + kWidth<T>, 1);
  }
  Lanes<T> lanes(tail);
  if (!kMasked || tail == kWidth<T>) {
    add_products<T, kUnitRows, kVectors, kRows, true>(k, a, a_step, b, b_step, lanes, sums);
  } else {
    add_products<T, kUnitRows, kVectors, kRows, false>(k, a, a_step, b, b_step, lanes, sums);
  }
  bool whole = tail == kWidth<T>;
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; ++j) {
      T* to = c + i * ldc + j * kWidth<T>;
      if (j + 1 < kVectors || whole) {
        store(to, accumulate ? load(to) + sums[i][j] : sums[i][j]);
      } else {
        store(to, accumulate ? load(to, lanes) + sums[i][j] : sums[i][j], lanes);
      }
    }
  }
}

template <class T>
void finish(T* c, i64 ldc, i64 rows, i64 columns, const ProductEpilogue<T>& e) {
  const i64 whole = columns / kWidth<T> * kWidth<T>;
  const Lanes<T> tail(columns > whole ? static_cast<int>(columns - whole) : kWidth<T>);
  for (i64 i = 0; i < rows; ++i, c += ldc) {
    const T* residual = e.residual ? e.residual + i * ldc : nullptr;
    for (i64 j = 0; j < whole; j += kWidth<T>) {
      Vec<T> x = load(c + j);
      if (e.bias) x += load(e.bias + j);
      if (residual) x += load(residual + j);
      store(c + j, e.relu ? (x < T(0) ? Vec<T>{} : x) : x);
    }
    if (whole == columns) continue;
    Vec<T> x = load(c + whole, tail);
    if (e.bias) x += load(e.bias + whole, tail);
    if (residual) x += load(residual + whole, tail);
    store(c + whole, e.relu ? (x < T(0) ? Vec<T>{} : x) : x, tail);
  }
}

// Rows and vectors of the tile are template arguments: the table gives one function for each.
template <class T, bool kUnitRows, int kVectors, int kRows = kTileRows>
constexpr void fill_tiles(TileKernel<T>* tiles) {
  tiles[kRows - 1] = tile<T, kUnitRows, kVectors, kRows>;
  if constexpr (kRows > 1) fill_tiles<T, kUnitRows, kVectors, kRows - 1>(tiles);
}

template <class T>
constexpr void fill_tile_table(ProductKernels<T>& kernels) {
  kernels.rows = kTileRows;
  kernels.width = kWidth<T>;
  kernels.masked = kMasked;
  kernels.finish = finish<T>;
  fill_tiles<T, false, 1>(kernels.tiles[0][0]);
  fill_tiles<T, false, 2>(kernels.tiles[0][1]);
  fill_tiles<T, true, 1>(kernels.tiles[1][0]);
  fill_tiles<T, true, 2>(kernels.tiles[1][1]);
}

}  // namespace pyflame::cpu::PYFLAME_TIER
