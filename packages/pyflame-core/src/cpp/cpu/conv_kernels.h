// What convolution does besides matrix products: laying windows out as columns.
#pragma once
#include "base/dtype.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

// Sizes of one input plane, one result plane and the window between them.
struct ConvPlane {
  i64 h, w, oh, ow, kh, kw, stride[2], padding[2], dilation[2];
  i64 input() const { return h * w; }
  i64 result() const { return oh * ow; }
  i64 window() const { return kh * kw; }
};

template <class T>
struct ConvKernels {
  // Rows [k_begin, k_end) of the column matrix (row = channel * window + position in the window) at results
  // [p_begin, p_end): out has row stride ld.
  void (*columns)(const ConvPlane& plane, const T* image, i64 k_begin, i64 k_end, i64 p_begin, i64 p_end, T* out,
                  i64 ld);
  // The transposed map: adds such columns to the image.
  void (*add_columns)(const ConvPlane& plane, const T* columns, i64 ld, i64 k_begin, i64 k_end, i64 p_begin, i64 p_end,
                      T* image);
};

PYFLAME_DECLARE_TIERS(ConvKernels<float>, conv_float)
PYFLAME_DECLARE_TIERS(ConvKernels<double>, conv_double)

template <class T>
const ConvKernels<T>& conv_kernels();
template <>
inline const ConvKernels<float>& conv_kernels<float>() {
  return active_conv_float();
}
template <>
inline const ConvKernels<double>& conv_kernels<double>() {
  return active_conv_double();
}

}  // namespace pyflame::cpu
