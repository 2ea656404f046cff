// Convolution on the tile unit, without a matrix of columns: pixels are split once into an image whose lanes the unit
// loads at the offset of each window element. An image is one for each phase of the stride, so that neighbouring results
// read neighbouring lanes. Results run over the image's width, of which the last few are not wanted.
#include "cpu/conv_amx.h"

#include <cstring>

#include "cpu/arithmetic.h"
#include "cpu/conv_fused.h"
#include "cpu/gemm_amx.h"
#include "cpu/gemm_blocked.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

// A few steps of weights stay in the first-level cache for a run of blocks, whose sums wait in memory meanwhile.
constexpr i64 kStepsTogether = 4, kRun = 8;
constexpr i64 kBandBytes = i64{1} << 20;  // of a split image: half of a second-level cache

// Where each tap reads: its phase, and how far from the phase's first row and column.
struct Tap {
  i64 phase, row, column;
};

class Convolution {
 public:
  Convolution(const FusedConv& conv, int parts)
      : c_(conv), s_(conv.sizes), p_(conv.sizes.plane), parts_(parts), cut_(conv.sizes),
        panels_(ceil_div(s_.out_channels, kAmxLanes)), panel_size_(cut_.taps * cut_.steps() * amx_step_size(parts)) {}

  bool run() {
    weights_ = conv_weights(s_, c_.weight, parts_);
    if (!cut_.by_rows) plan_phases();
    if (!cut_.by_rows) return run_taps();
    for (i64 image = 0; image < s_.images; ++image) {
      if (!run_rows(image)) return false;
    }
    return true;
  }

 private:
  // ---- by taps
  void plan_phases() {
    i64 used_rows[64] = {}, used_columns[64] = {};
    for (i64 r = 0; r < p_.kh; ++r) used_rows[r * p_.dilation[0] % p_.stride[0]] = 1;
    for (i64 k = 0; k < p_.kw; ++k) used_columns[k * p_.dilation[1] % p_.stride[1]] = 1;
    num_phases_ = 0;
    i64 number[64][64];
    for (i64 y = 0; y < p_.stride[0]; ++y) {
      for (i64 x = 0; x < p_.stride[1]; ++x) {
        if (!used_rows[y] || !used_columns[x]) continue;
        number[y][x] = num_phases_;
        phase_row_[num_phases_] = y, phase_column_[num_phases_++] = x;
      }
    }
    extra_rows_ = (p_.kh - 1) * p_.dilation[0] / p_.stride[0];
    width_ = p_.ow + (p_.kw - 1) * p_.dilation[1] / p_.stride[1];
    lane_ = amx_lane_size(s_.in_channels, parts_);
    for (i64 k = 0; k < p_.window(); ++k) {
      i64 y = k / p_.kw * p_.dilation[0], x = k % p_.kw * p_.dilation[1];
      taps_[k] = {number[y % p_.stride[0]][x % p_.stride[1]], y / p_.stride[0], x / p_.stride[1]};
    }
  }

  // Small images go together, so that weights are read once for several; large ones by bands of rows.
  bool run_taps() {
    const i64 row_bytes = num_phases_ * width_ * lane_ * 2;
    const i64 band = most(1, least(p_.oh, kBandBytes / row_bytes - extra_rows_));
    const i64 together = band < p_.oh ? 1 : most(1, kBandBytes / (row_bytes * (p_.oh + extra_rows_)));
    for (i64 image = 0; image < s_.images; image += together) {
      for (i64 y = 0; y < p_.oh; y += band) {
        if (!run_band(image, least(together, s_.images - image), y, least(band, p_.oh - y))) return false;
      }
    }
    return true;
  }

  bool run_band(i64 image, i64 images, i64 y0, i64 rows) {
    const i64 all_rows = rows + extra_rows_, phase_size = all_rows * width_ * lane_, size = num_phases_ * phase_size;
    // Blocks of 32 lanes may begin at the last wanted one, and read on.
    u16* lanes = scratch<u16>(Scratch::kAmxA, images * size + kAmxLanes * lane_);
    const i64 row_work = width_ * s_.in_channels, image_rows = num_phases_ * all_rows, count = images * image_rows;
    AmxRange* ranges = scratch<AmxRange>(Scratch::kAmxState, count);
    parallel_for(count, grain(row_work, 32 * 1024, count), [&](i64 begin, i64 end) {
      for (i64 i = begin; i < end; ++i) {
        ranges[i] = AmxRange{};
        const i64 row = i % image_rows;
        split_row(image + i / image_rows, row / all_rows, y0 + row % all_rows, lanes + i * width_ * lane_, &ranges[i]);
      }
    });
    AmxRange range;
    for (i64 i = 0; i < count; ++i) range.join(ranges[i]);
    if (!float_parts_suit(range, weights_.range, s_.depth())) return false;
    const i64 steps = cut_.steps(), all_steps = p_.window() * steps, step = parts_ * kAmxStep;
    i64* offsets = scratch<i64>(Scratch::kHalfB, all_steps);
    for (i64 i = 0; i < all_steps; ++i) {
      const Tap& tap = taps_[i / steps];
      offsets[i] = tap.phase * phase_size + (tap.row * width_ + tap.column) * lane_ + i % steps * step;
    }
    const i64 wanted = (rows - 1) * width_ + p_.ow, image_blocks = ceil_div(wanted, kAmxLanes);
    const i64 blocks = images * image_blocks, runs = ceil_div(blocks, kRun), tasks = panels_ * runs;
    parallel_for(tasks, s_.work() / s_.images * images >= kThreadedWork ? 1 : tasks, [&](i64 begin, i64 end) {
      amx_kernels()->begin();
      alignas(64) float sums[kRun * kAmxLanes * kAmxLanes];
      for (i64 task = begin; task < end; ++task) {
        const i64 panel = task / runs, first = task % runs * kRun, count = least(kRun, blocks - first);
        const u16* weights = weights_.panels + panel * panel_size_;
        for (i64 at = 0; at < all_steps; at += kStepsTogether) {
          for (i64 i = 0; i < count; ++i) {
            const i64 block = first + i;
            const u16* from = lanes + block / image_blocks * size + block % image_blocks * kAmxLanes * lane_;
            amx_kernels()->multiply_image(from, lane_, kAmxStep, offsets + at, least(kStepsTogether, all_steps - at), parts_,
                                          weights + at * amx_step_size(parts_), sums + i * kAmxLanes * kAmxLanes, at > 0);
          }
        }
        for (i64 i = 0; i < count; ++i) {
          const i64 block = first + i, lane = block % image_blocks * kAmxLanes;
          i64 places[kAmxLanes], y = lane / width_, x = lane % width_;
          for (i64& place : places) {
            place = x < p_.ow && y < rows ? place_of(y0 + y, x) : -1;
            if (++x == width_) x = 0, ++y;
          }
          finish(image + block / image_blocks, panel, sums + i * kAmxLanes * kAmxLanes, places);
        }
      }
      amx_kernels()->end();
    });
    return true;
  }

  // One row of one phase; what lies in the padding is zero.
  void split_row(i64 image, i64 phase, i64 row, u16* out, AmxRange* range) const {
    const i64 y = row * p_.stride[0] + phase_row_[phase] - p_.padding[0];
    const i64 first = phase_column_[phase] - p_.padding[1], step = p_.stride[1];
    i64 begin = 0, end = 0;  // columns that lie in the image
    if (y >= 0 && y < p_.h) {
      begin = least(width_, first >= 0 ? 0 : ceil_div(-first, step));
      end = most(begin, least(width_, first >= p_.w ? 0 : ceil_div(p_.w - first, step)));
    }
    std::memset(out, 0, static_cast<std::size_t>(begin * lane_) * sizeof(u16));
    if (end > begin) {
      const i64 at = y * p_.w + first + begin * step, c = s_.in_channels, plane = p_.input();
      const float* from = c_.input + image * s_.image_size() + at * (c_.input_last ? c : 1);
      if (c_.input_last || step == 1) {
        amx_kernels()->pack_pixels(from, step * (c_.input_last ? c : 1), c_.input_last ? 1 : plane, end - begin, c,
                                   parts_, out + begin * lane_, range);
      } else {  // pixels apart, channels apart: gathered first
        float* pixels = scratch<float>(Scratch::kImage, (end - begin) * c);
        for (i64 k = 0; k < c; ++k) {
          for (i64 x = 0; x < end - begin; ++x) pixels[x * c + k] = from[k * plane + x * step];
        }
        amx_kernels()->pack_pixels(pixels, c, 1, end - begin, c, parts_, out + begin * lane_, range);
      }
    }
    std::memset(out + end * lane_, 0, static_cast<std::size_t>((width_ - end) * lane_) * sizeof(u16));
  }

  // ---- by rows of the window, from a padded image with channels innermost
  bool run_rows(i64 image) {
    const i64 height = p_.h + 2 * p_.padding[0], width = p_.w + 2 * p_.padding[1], c = s_.in_channels;
    float* padded = scratch<float>(Scratch::kImage, height * width * c);
    parallel_for(height, grain(width * c, 32 * 1024, height), [&](i64 begin, i64 end) {
      for (i64 row = begin; row < end; ++row) pad_row(image, row - p_.padding[0], padded + row * width * c, width);
    });
    const i64 blocks = ceil_div(p_.result(), kAmxLanes), panel = cut_.taps * cut_.steps() * amx_step_size(parts_);
    constexpr i64 kTogether = 8;
    const i64 tasks = ceil_div(blocks, kTogether);
    AmxRange* ranges = scratch<AmxRange>(Scratch::kAmxState, tasks);
    for (i64 i = 0; i < tasks; ++i) ranges[i] = AmxRange{};
    parallel_for(tasks, 1, [&](i64 begin, i64 end) {
      u16* split = scratch<u16>(Scratch::kAmxA, panel);
      amx_kernels()->begin();
      for (i64 block = begin * kTogether; block < least(end * kTogether, blocks); ++block) {
        AmxRange* range = &ranges[block / kTogether];
        alignas(64) float sums[kAmxLanes * kAmxLanes];
        i64 places[kAmxLanes];
        const float* corners[kAmxLanes];
        for (i64 i = 0; i < kAmxLanes; ++i) {
          const i64 at = block * kAmxLanes + i, y = at / p_.ow, x = at % p_.ow;
          const bool wanted = at < p_.result();
          places[i] = wanted ? place_of(y, x) : -1;
          corners[i] = wanted ? padded + (y * p_.stride[0] * width + x * p_.stride[1]) * c : nullptr;
        }
        for (i64 tap = 0; tap < cut_.taps; ++tap) {
          const float* rows[kAmxLanes];
          for (i64 i = 0; i < kAmxLanes; ++i) {
            rows[i] = corners[i] ? corners[i] + tap * p_.dilation[0] * width * c : nullptr;
          }
          amx_kernels()->pack_lanes(rows, cut_.length, parts_, split + tap * cut_.steps() * amx_step_size(parts_), range);
        }
        for (i64 out = 0; out < panels_; ++out) {
          amx_kernels()->multiply(cut_.taps * cut_.steps(), parts_, split, weights_.panels + out * panel_size_, sums,
                                  kAmxLanes, false, AmxAhead{});
          finish(image, out, sums, places);
        }
      }
      amx_kernels()->end();
    });
    AmxRange range;
    for (i64 i = 0; i < tasks; ++i) range.join(ranges[i]);
    return float_parts_suit(range, weights_.range, s_.depth());
  }

  void pad_row(i64 image, i64 y, float* out, i64 width) const {
    const i64 c = s_.in_channels, pad = p_.padding[1];
    if (y < 0 || y >= p_.h) {
      std::memset(out, 0, static_cast<std::size_t>(width * c) * sizeof(float));
      return;
    }
    const float* from = c_.input + image * s_.image_size();
    std::memset(out, 0, static_cast<std::size_t>(pad * c) * sizeof(float));
    float* to = out + pad * c;
    if (c_.input_last) {
      std::memcpy(to, from + y * p_.w * c, static_cast<std::size_t>(p_.w * c) * sizeof(float));
    } else {
      for (i64 k = 0; k < c; ++k) {
        for (i64 x = 0; x < p_.w; ++x) to[x * c + k] = from[k * p_.input() + y * p_.w + x];
      }
    }
    std::memset(to + p_.w * c, 0, static_cast<std::size_t>(pad * c) * sizeof(float));
  }

  // ---- both
  static i64 grain(i64 work, i64 least_work, i64 count) {
    return work * count < 2 * least_work ? count : most(1, least_work / (work + 1));
  }

  i64 place_of(i64 y, i64 x) const { return c_.plane.start + y * c_.plane.row + x * c_.plane.column; }

  // `positions` in the plane of results; negative: not wanted.
  void finish(i64 image, i64 panel, const float* sums, const i64* positions) const {
    const ConvEpilogue& e = c_.epilogue;
    const i64 first = panel * kAmxLanes, pixel = c_.out_last ? s_.out_channels : 1;
    const i64 offset = (image * s_.out_channels + (c_.out_last ? 0 : first)) * c_.plane.size + (c_.out_last ? first : 0);
    i64 places[kAmxLanes];
    for (i64 i = 0; i < kAmxLanes; ++i) places[i] = positions[i] * pixel;
    amx_kernels()->finish(sums, kAmxLanes, {e.scale ? e.scale + first : nullptr, e.shift ? e.shift + first : nullptr,
                                 e.residual ? e.residual + offset : nullptr, c_.out + offset, e.relu,
                                 least(kAmxLanes, s_.out_channels - first), c_.out_last ? 1 : c_.plane.size, places,
                                 false});
  }

  static constexpr i64 kMaxTaps = 256;
  const FusedConv& c_;
  const ConvSizes& s_;
  const ConvPlane& p_;
  const int parts_;
  const WindowCut cut_;
  const i64 panels_, panel_size_;
  ConvWeights weights_;
  i64 num_phases_ = 1, phase_row_[64], phase_column_[64];
  i64 extra_rows_ = 0, width_ = 0, lane_ = 0;
  Tap taps_[kMaxTaps];
};

}  // namespace

bool suits_amx(const ConvSizes& s) {
  const ConvPlane& p = s.plane;
  return s.groups == 1 && s.out_channels >= 16 && s.depth() >= 16 && p.window() <= 256 && p.stride[0] <= 8 &&
         p.stride[1] <= 8 && s.images > 0 && p.result() >= 16 && s.work() >= i64{1} << 18;
}

bool conv_amx(const FusedConv& conv, int parts) { return suits_amx(conv.sizes) && Convolution(conv, parts).run(); }

}  // namespace pyflame::cpu
