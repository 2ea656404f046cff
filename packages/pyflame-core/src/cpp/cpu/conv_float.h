// Convolution in float and double, on plain pointers.
#pragma once
#include "cpu/conv.h"
#include "cpu/conv_kernels.h"

namespace pyflame::cpu {

struct ConvSizes {
  ConvPlane plane;
  i64 images, groups, in_channels, out_channels;  // channels per group

  bool depthwise() const { return in_channels == 1 && groups > 1; }
  bool pointwise() const {  // a result is a sum over channels at one place
    return plane.window() == 1 && plane.stride[0] == 1 && plane.stride[1] == 1 && plane.padding[0] == 0 &&
           plane.padding[1] == 0;
  }
  i64 depth() const { return in_channels * plane.window(); }
  i64 image_size() const { return groups * in_channels * plane.input(); }
  i64 result_size() const { return groups * out_channels * plane.result(); }
  i64 weight_size() const { return groups * out_channels * depth(); }
  i64 work() const { return images * groups * out_channels * depth() * plane.result(); }
};

// sums * scale + shift by channel, plus the residual, then the larger of that and zero. Pointers may be nullptr.
template <class T>
struct Epilogue {
  const T *scale, *shift;
  const T* residual;  // laid out as the result
  bool relu;
};

ConvSizes conv_sizes(const View& image, const View& weight, const View& result, const ConvGeometry& geometry);

template <class T>
void conv_forward(const ConvSizes& sizes, const T* input, const T* weight, T* out);
// For sizes that are depthwise. Input and result are contiguous.
template <class T>
void conv_depthwise(const ConvSizes& sizes, const T* input, const T* weight, const Epilogue<T>& epilogue, T* out);
// The forward product with weights of any strides: row (of out_channels) w_row, column (of depth) w_col.
template <class T>
void conv_product(const ConvSizes& sizes, const T* input, const T* weight, i64 group_step, i64 w_row, i64 w_col,
                  T* out);
template <class T>
void conv_grad_input(const ConvSizes& sizes, const T* grad, const T* weight, T* out);
// Adds to `out` when `accumulate`.
template <class T>
void conv_grad_weight(const ConvSizes& sizes, const T* grad, const T* input, T* out, bool accumulate);

}  // namespace pyflame::cpu
