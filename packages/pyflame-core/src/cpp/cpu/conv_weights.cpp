#include "cpu/conv_amx.h"

#include "cpu/arithmetic.h"
#include "cpu/packed_weights.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

struct Layout {
  i64 panels, panel_size, tap_size;
  i64 size() const { return panels * panel_size; }

  Layout(const ConvSizes& s, const WindowCut& cut, int parts)
      : panels((s.out_channels + kAmxLanes - 1) / kAmxLanes), panel_size(cut.taps * cut.steps() * amx_step_size(parts)),
        tap_size(cut.steps() * amx_step_size(parts)) {}
};

// `lanes` result channels from `first` on, as (row, column, channel, lane).
void turn(const ConvSizes& s, const WindowWeights& weight, i64 first, i64 lanes, float* out) {
  const i64 kh = s.plane.kh, kw = s.plane.kw, window = kh * kw, tap = s.in_channels * kAmxLanes;
  // A window that lies in a row, forward or backward.
  const bool forward = weight.column == 1 && weight.row == kw, backward = weight.column == -1 && weight.row == -kw;
  if (window <= 16 && (forward || backward)) {
    for (i64 c = 0; c < s.in_channels; ++c) {
      const float* from = weight.data + first * weight.out + c * weight.channel - (backward ? window - 1 : 0);
      float* to = out + c * kAmxLanes + (backward ? (window - 1) * tap : 0);
      amx_kernels()->turn_windows(from, weight.out, lanes, window, to, backward ? -tap : tap);
    }
    return;
  }
  for (i64 c = 0; c < s.in_channels; ++c) {
    for (i64 lane = 0; lane < lanes; ++lane) {
      const float* from = weight.data + (first + lane) * weight.out + c * weight.channel;
      float* to = out + c * kAmxLanes + lane;
      for (i64 r = 0; r < kh; ++r) {
        for (i64 k = 0; k < kw; ++k, to += tap) *to = from[r * weight.row + k * weight.column];
      }
    }
  }
}

void pack(const ConvSizes& s, const WindowWeights& weight, int parts, u16* out, AmxRange* range) {
  const WindowCut cut(s);
  const Layout layout(s, cut, parts);
  AmxRange* ranges = scratch<AmxRange>(Scratch::kAmxState, layout.panels);
  parallel_for(layout.panels, 1, [&](i64 begin, i64 end) {
    for (i64 panel = begin; panel < end; ++panel) {
      const i64 first = panel * kAmxLanes, lanes = least(kAmxLanes, s.out_channels - first);
      float* turned = scratch<float>(Scratch::kWeights, kAmxLanes * s.depth());
      turn(s, weight, first, lanes, turned);
      AmxRange seen;
      for (i64 tap = 0; tap < cut.taps; ++tap) {
        amx_kernels()->pack_floats(turned + tap * cut.length * kAmxLanes, 1, kAmxLanes, lanes, cut.length, parts, true,
                                   out + panel * layout.panel_size + tap * layout.tap_size, &seen);
      }
      ranges[panel] = seen;
    }
  });
  for (i64 panel = 0; panel < layout.panels; ++panel) range->join(ranges[panel]);
}

}  // namespace

WindowCut::WindowCut(const ConvSizes& s)
    : by_rows(s.in_channels < 16 && s.plane.kw > 1 && s.plane.dilation[1] == 1),
      taps(by_rows ? s.plane.kh : s.plane.window()), length(by_rows ? s.plane.kw * s.in_channels : s.in_channels) {}

ConvWeights conv_weights(const ConvSizes& s, const WindowWeights& weight, int parts) {
  const WindowCut cut(s);
  const Layout layout(s, cut, parts);
  const WeightKey key{weight.data, WeightKey::User::kConvolution,
                      {s.in_channels, s.out_channels, s.plane.kh, s.plane.kw, cut.by_rows, parts}};
  bool fresh;
  if (PackedWeights* kept = kept_weights(weight.buffer, key, layout.size(), 1, "conv2d", &fresh)) {
    if (fresh) pack(s, weight, parts, kept->panels, kept->ranges);
    return {kept->panels, *kept->ranges};
  }
  AmxRange range;
  u16* panels = scratch<u16>(Scratch::kAmxB, layout.size());
  pack(s, weight, parts, panels, &range);
  return {panels, range};
}

}  // namespace pyflame::cpu
