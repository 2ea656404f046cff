#include "cpu/conv_amx.h"

#include "cpu/packed_weights.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

i64 least(i64 a, i64 b) { return a < b ? a : b; }

struct Layout {
  i64 panels, panel_size, tap_size;
  i64 size() const { return panels * panel_size; }

  Layout(const ConvSizes& s, const WindowCut& cut, int parts)
      : panels((s.out_channels + kAmxLanes - 1) / kAmxLanes), panel_size(cut.taps * cut.steps() * amx_step_size(parts)),
        tap_size(cut.steps() * amx_step_size(parts)) {}
};

void pack(const ConvSizes& s, const float* weight, int parts, u16* out, AmxRange* range) {
  const WindowCut cut(s);
  const Layout layout(s, cut, parts);
  const i64 depth = s.depth(), window = s.plane.window(), kw = s.plane.kw;
  AmxRange* ranges = scratch<AmxRange>(Scratch::kAmxState, layout.panels);
  parallel_for(layout.panels, 1, [&](i64 begin, i64 end) {
    for (i64 panel = begin; panel < end; ++panel) {
      const i64 first = panel * kAmxLanes, lanes = least(kAmxLanes, s.out_channels - first);
      // From (out, channel, row, column) to (out, row, column, channel).
      float* turned = scratch<float>(Scratch::kWeights, lanes * depth);
      for (i64 lane = 0; lane < lanes; ++lane) {
        const float* from = weight + (first + lane) * depth;
        float* to = turned + lane * depth;
        for (i64 c = 0; c < s.in_channels; ++c) {
          for (i64 k = 0; k < window; ++k) to[k * s.in_channels + c] = from[c * window + k];
        }
      }
      AmxRange seen;
      const i64 step = cut.by_rows ? kw * s.in_channels : s.in_channels;
      for (i64 tap = 0; tap < cut.taps; ++tap) {
        amx_kernels()->pack_floats(turned + tap * step, depth, 1, lanes, cut.length, parts, true,
                                   out + panel * layout.panel_size + tap * layout.tap_size, &seen);
      }
      ranges[panel] = seen;
    }
  });
  for (i64 panel = 0; panel < layout.panels; ++panel) {
    if (ranges[panel].low < range->low) range->low = ranges[panel].low;
    if (ranges[panel].high > range->high) range->high = ranges[panel].high;
  }
}

}  // namespace

WindowCut::WindowCut(const ConvSizes& s)
    : by_rows(s.in_channels < 16 && s.plane.kw > 1 && s.plane.dilation[1] == 1),
      taps(by_rows ? s.plane.kh : s.plane.window()), length(by_rows ? s.plane.kw * s.in_channels : s.in_channels) {}

ConvWeights conv_weights(const ConvSizes& s, const float* weight, int parts, Buffer* buffer) {
  const WindowCut cut(s);
  const Layout layout(s, cut, parts);
  const WeightKey key{weight, WeightKey::User::kConvolution,
                      {s.in_channels, s.out_channels, s.plane.kh, s.plane.kw, cut.by_rows, parts}};
  bool fresh;
  if (PackedWeights* kept = kept_weights(buffer, key, layout.size(), 1, "conv2d", &fresh)) {
    if (fresh) pack(s, weight, parts, kept->panels, kept->ranges);
    return {kept->panels, *kept->ranges};
  }
  AmxRange range;
  u16* panels = scratch<u16>(Scratch::kAmxB, layout.size());
  pack(s, weight, parts, panels, &range);
  return {panels, range};
}

}  // namespace pyflame::cpu
