// The register tile of a convolution in planes: weights times columns, and what follows the sums, before they are stored.
#pragma once
#include "cpu/gemm_kernels.h"

namespace pyflame::cpu {

// A tile of `rows` channels (fixed by the function, together in `weights`) by one or two vectors of results.
template <class T>
struct ConvTile {
  i64 depth;
  const T* weights;    // for each element of depth, one number for each row
  const T* columns;    // for each element of depth, a row of results, `column_step` apart
  i64 column_step;
  T* out;
  i64 out_step;        // between rows
  int tail;            // valid lanes of the last vector
  bool accumulate;     // adds to `out`
  bool relu;
  const T *scale, *shift;  // by row, both or neither
  const T* residual;       // laid out as `out`, or nullptr
};

template <class T>
struct ConvTileKernels {
  int rows, width;  // largest tile: rows x 2 vectors of `width`
  bool masked;      // loads of columns touch only valid lanes
  void (*tiles[2][kMaxTileRows])(const ConvTile<T>& tile);  // [vectors - 1][rows - 1]
};

PYFLAME_DECLARE_TIERS(ConvTileKernels<float>, conv_tile_float)
PYFLAME_DECLARE_TIERS(ConvTileKernels<double>, conv_tile_double)

template <class T>
const ConvTileKernels<T>& conv_tile_kernels();
template <>
inline const ConvTileKernels<float>& conv_tile_kernels<float>() {
  return active_conv_tile_float();
}
template <>
inline const ConvTileKernels<double>& conv_tile_kernels<double>() {
  return active_conv_tile_double();
}

}  // namespace pyflame::cpu
