#include "cpu/conv_tile.h"

#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

// 14 x 2 sums, two vectors of columns and one broadcast fill 32 registers; 6 x 2 fill 16.
constexpr int kTileRows = kVectorBytes == 64 ? kMaxTileRows : 6;

template <class T, int kVectors, int kRows>
void tile(const ConvTile<T>& t) {
  Vec<T> sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; ++j) sums[i][j] = Vec<T>{};
  }
  const Lanes<T> lanes(t.tail);
  const T *weights = t.weights, *columns = t.columns;
  for (i64 k = 0; k < t.depth; ++k, weights += kRows, columns += t.column_step) {
    Vec<T> row[kVectors];
    if constexpr (kVectors == 2) row[0] = load(columns);
    const T* last = columns + (kVectors - 1) * kWidth<T>;
    row[kVectors - 1] = kMasked ? load(last, lanes) : load(last);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const Vec<T> weight = broadcast(weights[i]);
#pragma GCC unroll 2
      for (int j = 0; j < kVectors; ++j) sums[i][j] = fma(weight, row[j], sums[i][j]);
    }
  }
  const bool whole = t.tail == kWidth<T>;
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; ++j) {
      const i64 place = i * t.out_step + j * kWidth<T>;
      const bool plain = j + 1 < kVectors || whole;
      const auto read = [&](const T* from) { return plain ? load(from + place) : load(from + place, lanes); };
      Vec<T> value = sums[i][j];
      if (t.accumulate) value = read(t.out) + value;
      if (t.scale) value = fma(value, broadcast(t.scale[i]), broadcast(t.shift[i]));
      if (t.residual) value = value + read(t.residual);
      if (t.relu) value = value < Vec<T>{} ? Vec<T>{} : value;
      if (plain) store(t.out + place, value);
      else store(t.out + place, value, lanes);
    }
  }
}

// Rows and vectors of the tile are template arguments: the table gives one function for each.
template <class T, int kVectors, int kRows = kTileRows>
constexpr void fill(ConvTileKernels<T>& kernels) {
  kernels.tiles[kVectors - 1][kRows - 1] = tile<T, kVectors, kRows>;
  if constexpr (kRows > 1) fill<T, kVectors, kRows - 1>(kernels);
}

template <class T>
constexpr ConvTileKernels<T> make_table() {
  ConvTileKernels<T> kernels{};
  kernels.rows = kTileRows;
  kernels.width = kWidth<T>;
  kernels.masked = kMasked;
  fill<T, 1>(kernels);
  fill<T, 2>(kernels);
  return kernels;
}

}  // namespace

const ConvTileKernels<float> conv_tile_float = make_table<float>();
const ConvTileKernels<double> conv_tile_double = make_table<double>();

}  // namespace pyflame::cpu::PYFLAME_TIER
