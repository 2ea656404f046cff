#include "cpu/conv.h"

#include <string>

#include "base/error.h"
#include "cpu/conv_amx.h"
#include "cpu/half.h"
#include "cpu/precision.h"
#include "cpu/scratch.h"

namespace pyflame::cpu {

ConvSizes conv_sizes(const View& image, const View& weight, const View& result, const ConvGeometry& g) {
  ConvSizes s;
  s.plane = {image.shape[2], image.shape[3], result.shape[2], result.shape[3], weight.shape[2], weight.shape[3],
             {g.stride[0], g.stride[1]}, {g.padding[0], g.padding[1]}, {g.dilation[0], g.dilation[1]}};
  s.images = image.shape[0], s.groups = g.groups;
  s.in_channels = weight.shape[1], s.out_channels = weight.shape[0] / g.groups;
  if (s.pointwise()) {  // without windows a plane is one long row
    s.plane.w = s.plane.ow = image.shape[2] * image.shape[3];
    s.plane.h = s.plane.oh = 1;
  }
  return s;
}

namespace {

[[noreturn]] void unsupported(const char* op, DType dtype) {
  type_error("[" + std::string(op) + "] dtype " + std::string(dtype_name(dtype)) + " is not a floating dtype");
}

float* widened(Scratch block, const View& view, i64 offset, i64 n) {
  float* out = scratch<float>(block, n);
  halves_to_float(view.dtype, view.as<u16>() + offset, n, out);
  return out;
}

// Halves go image by image through float scratch.
ConvSizes one_image(ConvSizes s) {
  s.images = 1;
  return s;
}

void forward_half(const ConvSizes& s, const View& input, const View& weight, const View& out) {
  const float* w = widened(Scratch::kHalfB, weight, 0, s.weight_size());
  float* y = scratch<float>(Scratch::kResult, s.result_size());
  for (i64 i = 0; i < s.images; ++i) {
    conv_forward(one_image(s), widened(Scratch::kImage, input, i * s.image_size(), s.image_size()), w, Epilogue<float>{}, y);
    float_to_halves(out.dtype, y, s.result_size(), out.as<u16>() + i * s.result_size());
  }
}

void grad_input_half(const ConvSizes& s, const View& grad, const View& weight, const View& out) {
  const float* w = widened(Scratch::kHalfB, weight, 0, s.weight_size());
  float* x = scratch<float>(Scratch::kImage, s.image_size());
  for (i64 i = 0; i < s.images; ++i) {
    conv_grad_input(one_image(s), widened(Scratch::kResult, grad, i * s.result_size(), s.result_size()), w, x);
    float_to_halves(out.dtype, x, s.image_size(), out.as<u16>() + i * s.image_size());
  }
}

void grad_weight_half(const ConvSizes& s, const View& grad, const View& input, const View& out) {
  float* w = scratch<float>(Scratch::kHalfB, s.weight_size());
  for (i64 i = 0; i < s.weight_size(); ++i) w[i] = 0;
  for (i64 i = 0; i < s.images; ++i) {
    const float* g = widened(Scratch::kResult, grad, i * s.result_size(), s.result_size());
    conv_grad_weight(one_image(s), g, widened(Scratch::kImage, input, i * s.image_size(), s.image_size()), w, true);
  }
  float_to_halves(out.dtype, w, s.weight_size(), out.as<u16>());
}

}  // namespace

void conv2d(const View& input, const View& weight, const ConvGeometry& geometry, const View& out) {
  const ConvSizes s = conv_sizes(input, weight, out, geometry);
  switch (out.dtype) {
    case DType::kFloat32: return conv_forward(s, input.as<float>(), weight.as<float>(), Epilogue<float>{}, out.as<float>());
    case DType::kFloat64: return conv_forward(s, input.as<double>(), weight.as<double>(), Epilogue<double>{}, out.as<double>());
    case DType::kFloat16:
    case DType::kBFloat16: return forward_half(s, input, weight, out);
    default: unsupported("conv2d", out.dtype);
  }
}

void conv2d_grad_input(const View& grad, const View& weight, const ConvGeometry& geometry, const View& out) {
  const ConvSizes s = conv_sizes(out, weight, grad, geometry);
  switch (out.dtype) {
    case DType::kFloat32: {
      const int parts = amx_float_parts();
      if (parts && conv_grad_input_amx(s, grad.as<float>(), weight.as<float>(), out.as<float>(), parts)) return;
      return conv_grad_input(s, grad.as<float>(), weight.as<float>(), out.as<float>());
    }
    case DType::kFloat64: return conv_grad_input(s, grad.as<double>(), weight.as<double>(), out.as<double>());
    case DType::kFloat16:
    case DType::kBFloat16: return grad_input_half(s, grad, weight, out);
    default: unsupported("conv2d_grad_input", out.dtype);
  }
}

void conv2d_grad_weight(const View& grad, const View& input, const ConvGeometry& geometry, const View& out) {
  const ConvSizes s = conv_sizes(input, out, grad, geometry);
  switch (out.dtype) {
    case DType::kFloat32: {
      const int parts = amx_float_parts();
      if (parts && conv_grad_weight_amx(s, grad.as<float>(), input.as<float>(), out.as<float>(), parts)) return;
      return conv_grad_weight(s, grad.as<float>(), input.as<float>(), out.as<float>(), false);
    }
    case DType::kFloat64: return conv_grad_weight(s, grad.as<double>(), input.as<double>(), out.as<double>(), false);
    case DType::kFloat16:
    case DType::kBFloat16: return grad_weight_half(s, grad, input, out);
    default: unsupported("conv2d_grad_weight", out.dtype);
  }
}

}  // namespace pyflame::cpu
