#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "cpu/conv_amx.h"
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

bool same(const ConvSizes& a, const ConvSizes& b) {
  return a.in_channels == b.in_channels && a.out_channels == b.out_channels && a.plane.kh == b.plane.kh &&
         a.plane.kw == b.plane.kw && WindowCut(a).by_rows == WindowCut(b).by_rows;
}

}  // namespace

WindowCut::WindowCut(const ConvSizes& s)
    : by_rows(s.in_channels < 16 && s.plane.kw > 1 && s.plane.dilation[1] == 1),
      taps(by_rows ? s.plane.kh : s.plane.window()), length(by_rows ? s.plane.kw * s.in_channels : s.in_channels) {}

ConvWeights::~ConvWeights() {
  std::free(panels);
  delete next;
}

PackedWeights conv_weights(const ConvSizes& s, const float* weight, int parts, Buffer* buffer) {
  const Layout layout(s, WindowCut(s), parts);
  if (buffer) {
    for (auto* kept = static_cast<ConvWeights*>(buffer->derived); kept; kept = kept->next) {
      if (kept->from == weight && kept->parts == parts && same(kept->sizes, s)) return {kept->panels, kept->range};
    }
  }
  // Weights that a training step has just changed would be packed in vain: they prove constant by being read twice.
  if (!buffer || ++buffer->unchanged_reads < 2) {
    AmxRange range;
    u16* panels = scratch<u16>(Scratch::kAmxB, layout.size());
    pack(s, weight, parts, panels, &range);
    return {panels, range};
  }
  auto* kept = new ConvWeights;
  kept->from = weight, kept->parts = parts, kept->sizes = s;
  kept->next = static_cast<ConvWeights*>(buffer->derived);
  buffer->derived = kept;
  const std::size_t bytes = static_cast<std::size_t>(layout.size()) * sizeof(u16);
  kept->panels = static_cast<u16*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
  if (!kept->panels) {
    buffer->derived = kept->next;
    kept->next = nullptr;
    delete kept;
    fail(ErrorKind::kMemory, "[conv2d] cannot allocate " + std::to_string(bytes) + " bytes for packed weights");
  }
  pack(s, weight, parts, kept->panels, &kept->range);
  return {kept->panels, kept->range};
}

}  // namespace pyflame::cpu
