// Depthwise convolution: every plane of results comes from one plane of input and one window.
#pragma once
#include "cpu/conv_kernels.h"

namespace pyflame::cpu {

// Where a row of padded input lies: columns apart by the stride are neighbours, so that neighbouring results read
// neighbouring numbers. Rows begin `row` numbers apart.
struct DepthwiseRows {
  i64 phase, row;  // numbers in one phase of the stride, and in all of them
  const i64* tap;  // offset of each window element from the result's first row and column
  const i64* ends; // where the columns of the plane begin and end in each phase
  i64 first;       // row of the padded plane that was laid out first
  i64 rows(const ConvPlane& p, i64 results) const {
    return (results - 1) * p.stride[0] + (p.kh - 1) * p.dilation[0] + 1;
  }
};

// What follows a sum: times scale, plus shift, plus the residual, then the larger of that and zero.
template <class T>
struct DepthwiseFinish {
  bool affine, relu;
  T scale, shift;
  const T* residual;  // laid out as the results, or nullptr
};

template <class T>
struct DepthwiseKernels {
  // Rows [y, y + count) of the padded plane.
  void (*lay_out)(const ConvPlane& plane, const DepthwiseRows& rows, const T* image, i64 y, i64 count, T* out);
  // The same of a plane that has zeros between its numbers, which the image lacks: of `step` rows and columns one is there.
  void (*spread)(const ConvPlane& plane, const DepthwiseRows& rows, const T* image, const i64* step, i64 y, i64 count, T* out);
  // Rows of results from laid out ones. May read a vector beyond the last.
  void (*multiply)(const ConvPlane& plane, const DepthwiseRows& rows, const T* from, const T* weight, i64 count,
                   const DepthwiseFinish<T>& finish, T* out);
  // Adds to a vector of sums for each window element: rows of `grad` times what they were multiplied with.
  void (*products)(const ConvPlane& plane, const DepthwiseRows& rows, const T* from, const T* grad, i64 count, T* sums);
  void (*totals)(const T* sums, i64 window, T* out);  // adds the sum of each vector
  i64 width;                                          // of a vector
};

PYFLAME_DECLARE_TIERS(DepthwiseKernels<float>, depthwise_float)
PYFLAME_DECLARE_TIERS(DepthwiseKernels<double>, depthwise_double)

template <class T>
const DepthwiseKernels<T>& depthwise_kernels();
template <>
inline const DepthwiseKernels<float>& depthwise_kernels<float>() {
  return active_depthwise_float();
}
template <>
inline const DepthwiseKernels<double>& depthwise_kernels<double>() {
  return active_depthwise_double();
}

}  // namespace pyflame::cpu
