// The gradient of the image on the tile unit. Of the results of each phase of the stride, it is a convolution of the
// gradient with the window elements that meet them, the last one first.
#include "cpu/conv_amx.h"

namespace pyflame::cpu {

namespace {

// The window elements along one dimension that meet pixels stride * u + phase: `count`, every stride-th, up to `last`.
// The first of them reads the gradient `padding` before u.
struct PhaseTaps {
  i64 count = 0, last = 0, padding = 0, pixels = 0;

  PhaseTaps(const ConvPlane& p, int dim, i64 phase) {
    const i64 stride = p.stride[dim], dilation = p.dilation[dim], kernel = dim ? p.kw : p.kh;
    for (i64 k = 0; k < kernel; ++k) {
      if ((phase + p.padding[dim] - k * dilation) % stride == 0) ++count, last = k;
    }
    padding = (last * dilation - phase - p.padding[dim]) / stride;
    pixels = ((dim ? p.w : p.h) - phase + stride - 1) / stride;
  }
};

FusedConv phase_of(const ConvSizes& s, const float* grad, const float* weight, i64 y, i64 x, float* out) {
  const ConvPlane& p = s.plane;
  const PhaseTaps rows(p, 0, y), columns(p, 1, x);
  ConvSizes phase = s;
  phase.in_channels = s.out_channels, phase.out_channels = s.in_channels;
  phase.plane = {p.oh, p.ow, rows.pixels, columns.pixels, rows.count, columns.count, {1, 1},
                 {rows.padding, columns.padding}, {p.dilation[0], p.dilation[1]}};
  const WindowWeights turned{weight + rows.last * p.kw + columns.last, p.window(), s.depth(), -p.stride[0] * p.kw,
                             -p.stride[1], nullptr};
  const ResultPlane plane{p.input(), y * p.w + x, p.stride[0] * p.w, p.stride[1]};
  return {phase, grad, false, turned, ConvEpilogue{}, out, false, plane};
}

void clear(const FusedConv& phase) {
  const ConvPlane& p = phase.sizes.plane;
  for (i64 i = 0; i < phase.sizes.images * phase.sizes.out_channels; ++i) {
    float* plane = phase.out + i * phase.plane.size + phase.plane.start;
    for (i64 y = 0; y < p.oh; ++y) {
      for (i64 x = 0; x < p.ow; ++x) plane[y * phase.plane.row + x * phase.plane.column] = 0;
    }
  }
}

}  // namespace

bool conv_grad_input_amx(const ConvSizes& s, const float* grad, const float* weight, float* out, int parts) {
  const ConvPlane& p = s.plane;
  // Dilated window elements in phases would be apart.
  const bool dilated = p.dilation[0] > 1 || p.dilation[1] > 1, strided = p.stride[0] > 1 || p.stride[1] > 1;
  // Of single elements splitting the numbers costs more than the unit saves.
  if (s.groups != 1 || (dilated && strided) || s.out_channels < 16 || p.window() == 1) return false;
  for (i64 y = 0; y < p.stride[0]; ++y) {
    for (i64 x = 0; x < p.stride[1]; ++x) {
      const FusedConv phase = phase_of(s, grad, weight, y, x, out);
      if (phase.sizes.plane.window() > 0 && !(suits_amx(phase.sizes) && fills_tiles(phase.sizes))) return false;
    }
  }
  for (i64 y = 0; y < p.stride[0]; ++y) {
    for (i64 x = 0; x < p.stride[1]; ++x) {
      const FusedConv phase = phase_of(s, grad, weight, y, x, out);
      if (phase.sizes.plane.window() == 0) {
        clear(phase);
      } else if (!conv_amx(phase, parts)) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace pyflame::cpu
