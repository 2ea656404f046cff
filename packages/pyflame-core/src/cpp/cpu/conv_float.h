// Convolution in float and double, on plain pointers.
#pragma once
#include "base/buffer.h"
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

// sums * scale + shift by channel (both or neither), plus the residual, then the larger of that and zero. Pointers may be
// nullptr.
template <class T>
struct Epilogue {
  const T *scale, *shift;
  const T* residual;  // laid out as the result
  bool relu;
};

ConvSizes conv_sizes(const View& image, const View& weight, const View& result, const ConvGeometry& geometry);

// Weights as a matrix of out_channels rows for each group. `buffer`: where they lie, so that they are packed once as
// long as they stay the same, or nullptr.
template <class T>
struct WeightMatrix {
  const T* data;
  i64 group, row, column;  // strides
  Buffer* buffer;
};

template <class T>
void conv_forward(const ConvSizes& sizes, const T* input, const T* weight, const Epilogue<T>& epilogue, T* out,
                  Buffer* buffer = nullptr);
// For sizes that are depthwise. Input and result are contiguous.
template <class T>
void conv_depthwise(const ConvSizes& sizes, const T* input, const T* weight, const Epilogue<T>& epilogue, T* out);
template <class T>
void conv_depthwise_grad_input(const ConvSizes& sizes, const T* grad, const T* weight, T* out);
template <class T>
void conv_depthwise_grad_weight(const ConvSizes& sizes, const T* grad, const T* input, T* out);  // adds to `out`
template <class T>
void conv_product(const ConvSizes& sizes, const T* input, const WeightMatrix<T>& weight, const Epilogue<T>& epilogue, T* out);
template <class T>
void conv_grad_input(const ConvSizes& sizes, const T* grad, const T* weight, T* out);
// Adds to `out` when `accumulate`.
template <class T>
void conv_grad_weight(const ConvSizes& sizes, const T* grad, const T* input, T* out, bool accumulate);

}  // namespace pyflame::cpu
