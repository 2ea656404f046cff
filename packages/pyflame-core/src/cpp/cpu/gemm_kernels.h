// The inner kernels of matrix products, one table per tier. The loops around them are in gemm_blocked.cpp.
#pragma once
#include "base/dtype.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

// What becomes of complete sums: plus the column's bias, plus the residual, then the larger of that and zero. Each is
// rounded as a step of its own. Pointers may be nullptr.
template <class T>
struct ProductEpilogue {
  const T* bias = nullptr;
  const T* residual = nullptr;  // laid out as C
  bool relu = false;

  bool empty() const { return !bias && !residual && !relu; }
  ProductEpilogue at(i64 offset, i64 column) const {
    return {bias ? bias + column : nullptr, residual ? residual + offset : nullptr, relu};
  }
};

// A product of two matrices with any strides into C of row stride ldc and column stride 1.
template <class T>
struct Product {
  i64 m, n, k;
  const T* a;
  i64 a_row, a_col;
  const T* b;
  i64 b_row, b_col;
  T* c;
  i64 ldc;
  bool accumulate;  // C += A B
  ProductEpilogue<T> epilogue = {};
};

inline constexpr int kMaxTileRows = 14, kMaxStreamRows = 28;
template <class T>
inline constexpr i64 kDotDepth = 2048 / static_cast<i64>(sizeof(T));

// Rows of A (or columns of B) per panel: at most `limit`, and the last panel nearly as large as the others. Static: this is
// compiled for every tier.
static constexpr i64 even_panel(i64 total, i64 limit) {
  i64 panels = (total + limit - 1) / limit;
  return (total + panels - 1) / panels;
}

// One register tile of C: `rows` rows (fixed by the function) by one or two vectors, of which the last has `tail`
// valid lanes. `a_step` is the stride between columns of A when its rows have stride 1, else between its rows (and
// columns have stride 1). B rows have stride b_step and are read in whole vectors unless the table says `masked`.
template <class T>
using TileKernel = void (*)(i64 k, const T* a, i64 a_step, const T* b, i64 b_step, T* c, i64 ldc, int tail,
                            bool accumulate);

template <class T>
struct ProductKernels {
  int rows, width;  // largest tile: rows x 2 vectors of `width`
  bool masked;      // loads of B touch only valid lanes
  TileKernel<T> tiles[2][2][kMaxTileRows];  // [A rows have stride 1][vectors - 1][rows - 1]

  // out[k * width + lane] = in[lane * lane_stride + k * k_stride]; lanes beyond `lanes` are zero.
  void (*pack)(const T* in, i64 lane_stride, i64 k_stride, i64 lanes, i64 k, i64 width, T* out);
  // At most kMaxStreamRows rows in A, so that reading B is the cost. `stream` wants b_col == 1. `dots` wants b_row == 1
  // and contiguous rows in each block of kDotDepth columns of A; the block that begins at column p is p * a_col away, and
  // columns of C are c_col apart.
  void (*stream)(const Product<T>& product);
  void (*dots)(const Product<T>& product, i64 c_col);
  // On rows of complete sums, in place.
  void (*finish)(T* c, i64 ldc, i64 rows, i64 columns, const ProductEpilogue<T>& epilogue);
};

template <class T>
const ProductKernels<T>& product_kernels();

// Products of integers (by size: unsigned arithmetic is what wraps) and of bool, which is or-of-ands.
struct IntegerKernels {
  void (*bits)(const Product<u8>& product);
  void (*u8s)(const Product<u8>& product);
  void (*u16s)(const Product<u16>& product);
  void (*u32s)(const Product<u32>& product);
  void (*u64s)(const Product<u64>& product);
};

PYFLAME_DECLARE_TIERS(ProductKernels<float>, gemm_float)
PYFLAME_DECLARE_TIERS(ProductKernels<double>, gemm_double)
PYFLAME_DECLARE_TIERS(IntegerKernels, gemm_integer)

template <>
inline const ProductKernels<float>& product_kernels<float>() {
  return active_gemm_float();
}
template <>
inline const ProductKernels<double>& product_kernels<double>() {
  return active_gemm_double();
}

}  // namespace pyflame::cpu
