#include "cpu/conv_fused.h"

#include "cpu/elementwise.h"
#include "cpu/precision.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

// Below so many products for each result, splitting planes into lanes costs more than the tile unit saves.
constexpr i64 kLeastDepthOfPlanes = 128;

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

// On contiguous planes, in place.
void finish_planes(const ConvSizes& s, const ConvEpilogue& e, const float* residual, float* out) {
  const i64 plane = s.plane.result(), channels = s.groups * s.out_channels;
  parallel_for(s.images * channels, 64 * 1024 / (plane + 1) + 1, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      const float scale = e.scale ? e.scale[i % channels] : 1, shift = e.shift ? e.shift[i % channels] : 0;
      float* to = out + i * plane;
      const float* add = residual ? residual + i * plane : nullptr;
      for (i64 x = 0; x < plane && (e.scale || e.shift); ++x) to[x] = to[x] * scale + shift;
      for (i64 x = 0; x < plane && add; ++x) to[x] += add[x];
      for (i64 x = 0; x < plane && e.relu; ++x) to[x] = to[x] < 0 ? 0 : to[x];
    }
  });
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
  FusedConv conv{s, input.as<float>(), input_last, weight.as<float>(), epilogue, out.as<float>(), out_last, weight_buffer};
  if (parts && (input_last || out_last || s.depth() >= kLeastDepthOfPlanes)) {
    ConvPlane& plane = conv.sizes.plane;  // rows, where there were some: a band is a number of them
    plane.h = input.shape[2], plane.w = input.shape[3], plane.oh = out.shape[2], plane.ow = out.shape[3];
    if (conv_amx(conv, parts)) return;
  }
  const float* x = in_order(input, input_last, Scratch::kResult);
  float* y = out_last ? scratch<float>(Scratch::kAmxC, out.numel()) : out.as<float>();
  conv_forward(s, x, weight.as<float>(), y);
  View residual = out;
  residual.data = const_cast<float*>(epilogue.residual);
  const float* add = epilogue.residual ? in_order(residual, out_last, Scratch::kResult) : nullptr;
  finish_planes(s, epilogue, add, y);
  if (out_last) copy_strided(View{y, out.dtype, out.shape, contiguous_strides(out.shape)}, out);
}

}  // namespace pyflame::cpu
