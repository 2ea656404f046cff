#include "cpu/conv_fused.h"

#include "cpu/conv_amx.h"
#include "cpu/elementwise.h"
#include "cpu/precision.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

// Below so many products for each result, and results for each pixel, splitting planes into lanes costs more than the
// tile unit saves.
constexpr i64 kLeastDepthOfPlanes = 128, kLeastChannelsOfPlanes = 256;

bool suits_amx_in_planes(const ConvSizes& s) {
  const i64 window = s.plane.window();
  if (!fills_tiles(s)) return false;
  if (s.depth() < kLeastDepthOfPlanes || prefers_planes(window, s.work())) return false;
  return window > 1 || s.out_channels >= kLeastChannelsOfPlanes;
}

Shape last_strides(const Shape& shape) {  // of (n, c, h, w) with channels innermost
  return {shape[1] * shape[2] * shape[3], 1, shape[3] * shape[1], shape[1]};
}

// The whole of a strided view in order.
const float* in_order(const View& view, bool last, Scratch block) {
  if (!last) return view.as<float>();
  float* copy = scratch<float>(block, view.numel());
  copy_strided(view, View{copy, view.dtype, view.shape, contiguous_strides(view.shape)});
  return copy;
}

}  // namespace

bool is_channels_last(const View& view) {
  const Shape wanted = last_strides(view.shape);
  for (int d = 0; d < 4; ++d) {
    if (view.shape[d] > 1 && view.strides[d] != wanted[d]) return false;
  }
  return true;
}

void conv2d_fused(const View& input, const View& weight, const ConvGeometry& geometry, const ConvEpilogue& epilogue,
                  const View& out, Buffer* weight_buffer) {
  const ConvSizes s = conv_sizes(input, weight, out, geometry);
  const bool input_last = !input.contiguous(), out_last = !out.contiguous();
  if (s.depthwise() && !input_last && !out_last) {
    return conv_depthwise(s, input.as<float>(), weight.as<float>(), epilogue, out.as<float>());
  }
  const int parts = amx_float_parts();
  const i64 window = s.plane.window();
  const WindowWeights weights{weight.as<float>(), s.depth(), window, s.plane.kw, 1, weight_buffer};
  const ResultPlane whole{out.shape[2] * out.shape[3], 0, out.shape[3], 1};
  FusedConv conv{s, input.as<float>(), input_last, weights, epilogue, out.as<float>(), out_last, whole};
  if (parts && (input_last || out_last || suits_amx_in_planes(s))) {
    ConvPlane& plane = conv.sizes.plane;  // rows, where there were some: a band is a number of them
    plane.h = input.shape[2], plane.w = input.shape[3], plane.oh = out.shape[2], plane.ow = out.shape[3];
    if (conv_amx(conv, parts)) return;
  }
  const float* x = in_order(input, input_last, Scratch::kResult);
  float* y = out_last ? scratch<float>(Scratch::kAmxC, out.numel()) : out.as<float>();
  ConvEpilogue own = epilogue;
  if (own.residual) {
    View residual = out;
    residual.data = const_cast<float*>(epilogue.residual);
    own.residual = in_order(residual, out_last, Scratch::kImage);
  }
  conv_forward(s, x, weight.as<float>(), own, y, weight_buffer);
  if (out_last) copy_strided(View{y, out.dtype, out.shape, contiguous_strides(out.shape)}, out);
}

}  // namespace pyflame::cpu
