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

// `lanes` result channels from `first` on and channels [c0, c0 + channels), as (row, column, channel, lane).
void turn(const ConvSizes& s, const WindowWeights& weight, i64 first, i64 lanes, i64 c0, i64 channels, float* out) {
  const i64 kh = s.plane.kh, kw = s.plane.kw, window = kh * kw, tap = channels * kAmxLanes;
  const float* corner = weight.data + first * weight.out + c0 * weight.channel;
  // A window that lies in a row, forward or backward.
  const bool forward = weight.column == 1 && weight.row == kw, backward = weight.column == -1 && weight.row == -kw;
  if (window <= 16 && (forward || backward)) {
    for (i64 c = 0; c < channels; ++c) {
      const float* from = corner + c * weight.channel - (backward ? window - 1 : 0);
      float* to = out + c * kAmxLanes + (backward ? (window - 1) * tap : 0);
      amx_kernels()->turn_windows(from, weight.out, lanes, window, to, backward ? -tap : tap);
    }
    return;
  }
  for (i64 c = 0; c < channels; ++c) {
    for (i64 lane = 0; lane < lanes; ++lane) {
      const float* from = corner + lane * weight.out + c * weight.channel;
      float* to = out + c * kAmxLanes + lane;
      for (i64 r = 0; r < kh; ++r) {
        for (i64 k = 0; k < kw; ++k, to += tap) *to = from[r * weight.row + k * weight.column];
      }
    }
  }
}

void pack(const ConvSizes& s, const WindowWeights& weight, int parts, u16* out, AmxRange* range) {
  const Layout layout(s, WindowCut(s), parts);
  AmxRange* ranges = scratch<AmxRange>(Scratch::kAmxState, layout.panels);
  parallel_for(layout.panels, 1, [&](i64 begin, i64 end) {
    for (i64 panel = begin; panel < end; ++panel) {
      AmxRange seen;
      pack_panel(s, weight, parts, panel, out + panel * layout.panel_size, &seen);
      ranges[panel] = seen;
    }
  });
  for (i64 panel = 0; panel < layout.panels; ++panel) range->join(ranges[panel]);
}

}  // namespace

// By as many channels as a step has, which stay in the first-level cache between turning and splitting.
void pack_panel(const ConvSizes& s, const WindowWeights& weight, int parts, i64 panel, u16* out, AmxRange* range) {
  const WindowCut cut(s);
  const Layout layout(s, cut, parts);
  const i64 first = panel * kAmxLanes, lanes = least(kAmxLanes, s.out_channels - first);
  const i64 most = cut.by_rows ? s.in_channels : kAmxStep;
  float* turned = scratch<float>(Scratch::kWeights, kAmxLanes * most * s.plane.window());
  for (i64 c = 0; c < s.in_channels; c += most, out += amx_step_size(parts)) {
    const i64 channels = least(most, s.in_channels - c), length = cut.by_rows ? cut.length : channels;
    turn(s, weight, first, lanes, c, channels, turned);
    for (i64 tap = 0; tap < cut.taps; ++tap) {
      amx_kernels()->pack_floats(turned + tap * length * kAmxLanes, 1, kAmxLanes, lanes, length, parts, true,
                                 out + tap * layout.tap_size, range);
    }
  }
}

WindowCut::WindowCut(const ConvSizes& s)
    : by_rows(s.in_channels < 16 && s.plane.kw > 1 && s.plane.dilation[1] == 1),
      taps(by_rows ? s.plane.kh : s.plane.window()), length(by_rows ? s.plane.kw * s.in_channels : s.in_channels) {}

bool fills_tiles(const ConvSizes& s) {
  const WindowCut cut(s);
  return 2 * s.out_channels * cut.length > ceil_div(s.out_channels, kAmxLanes) * kAmxLanes * cut.steps() * kAmxStep;
}

ConvWeights conv_weights(const ConvSizes& s, const WindowWeights& weight, int parts, bool by_panel) {
  const WindowCut cut(s);
  const Layout layout(s, cut, parts);
  const WeightKey key{weight.data, WeightKey::User::kConvolution,
                      {s.in_channels, s.out_channels, s.plane.kh, s.plane.kw, cut.by_rows, parts}};
  bool fresh;
  if (PackedWeights* kept = kept_weights(weight.buffer, key, layout.size(), 1, "conv2d", &fresh)) {
    if (fresh) pack(s, weight, parts, kept->panels, kept->ranges);
    return {kept->panels, *kept->ranges};
  }
  if (by_panel) return {nullptr, AmxRange{}};
  AmxRange range;
  u16* panels = scratch<u16>(Scratch::kAmxB, layout.size());
  pack(s, weight, parts, panels, &range);
  return {panels, range};
}

}  // namespace pyflame::cpu
