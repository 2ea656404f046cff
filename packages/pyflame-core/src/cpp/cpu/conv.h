// 2-d convolution (cross-correlation, as deep learning means it) and its two gradients. NCHW, contiguous views.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

struct ConvGeometry {
  i64 stride[2], padding[2], dilation[2], groups;
};

// input (n, c, h, w), weight (o, c / groups, kh, kw), out (n, o, oh, ow); floating dtypes, halves through float.
void conv2d(const View& input, const View& weight, const ConvGeometry& geometry, const View& out);
void conv2d_grad_input(const View& grad, const View& weight, const ConvGeometry& geometry, const View& out);
void conv2d_grad_weight(const View& grad, const View& input, const ConvGeometry& geometry, const View& out);

}  // namespace pyflame::cpu
