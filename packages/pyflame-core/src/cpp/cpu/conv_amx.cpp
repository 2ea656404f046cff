// Convolution on the tile unit, without a matrix of columns: pixels are split once into an image whose lanes the unit
// loads at the offset of each window element. An image is one for each phase of the stride, so that neighbouring results
// read neighbouring lanes. Results run over the image's width, of which the last few are not wanted. Of small images that
// would be many: a few of them are mixed, so that a pixel of all is neighbouring lanes, and results run over each row.
#include "cpu/conv_amx.h"

#include <atomic>
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
constexpr i64 kBandBytes = i64{3} << 19;  // of split images: three quarters of a second-level cache

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
    if (!cut_.by_rows) plan_phases();
    if (!cut_.by_rows) return run_taps();
    weights_ = conv_weights(s_, c_.weight, parts_, false);
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
    const i64 fit = band < p_.oh ? 1 : least(s_.images, most(1, kBandBytes / (row_bytes * (p_.oh + extra_rows_))));
    const i64 together = ceil_div(s_.images, ceil_div(s_.images, fit));
    // Read once, weights need not go to memory when they are packed. What is found unsuitable then, after the first
    // results, is computed again in another way, which needs all operands as they were.
    const bool once = together == s_.images && band == p_.oh && panels_ >= 4 && !c_.epilogue.residual;
    weights_ = conv_weights(s_, c_.weight, parts_, once);
    for (i64 image = 0; image < s_.images; image += together) {
      for (i64 y = 0; y < p_.oh; y += band) {
        if (!run_band(image, least(together, s_.images - image), y, least(band, p_.oh - y))) return false;
      }
    }
    return true;
  }

  // How the results of some images lie in blocks of lanes: along all rows, or row by row with `mixed` images.
  struct Blocks {
    i64 mixed, per_row, count;  // per_row 0: along all rows; count: of the mixed images

    // Mixing is work too: worth an eighth of the blocks.
    Blocks(const ConvPlane& p, i64 width, i64 images, i64 rows)
        : mixed(1), per_row(0), count(ceil_div((rows - 1) * width + p.ow, kAmxLanes)) {
      const i64 plain = count;
      for (i64 some = 2; some <= least(images, kAmxLanes); ++some) {
        const i64 in_row = ceil_div(p.ow * some, kAmxLanes), blocks = rows * in_row;
        if (images % some || 8 * blocks > 7 * plain * some || blocks * mixed >= count * some) continue;
        mixed = some, per_row = in_row, count = blocks;
      }
    }
    i64 lane(i64 block, i64 width) const {
      return per_row ? block / per_row * width * mixed + block % per_row * kAmxLanes : block * kAmxLanes;
    }
  };

  bool run_band(i64 image, i64 images, i64 y0, i64 rows) {
    const Blocks blocks(p_, width_, images, rows);
    const i64 mixed = blocks.mixed, groups = images / mixed, all_rows = rows + extra_rows_;
    const i64 row_size = width_ * mixed * lane_, phase_size = all_rows * row_size, size = num_phases_ * phase_size;
    // Blocks of 32 lanes may begin at the last wanted one, and read on.
    u16* lanes = scratch<u16>(Scratch::kAmxA, groups * size + kAmxLanes * lane_);
    const i64 row_work = width_ * mixed * s_.in_channels, group_rows = num_phases_ * all_rows, count = groups * group_rows;
    AmxRange* ranges = scratch<AmxRange>(Scratch::kAmxState, count);
    parallel_for(count, grain(row_work, 32 * 1024, count), [&](i64 begin, i64 end) {
      for (i64 i = begin; i < end; ++i) {
        ranges[i] = AmxRange{};
        const i64 row = i % group_rows;
        split_row(image + i / group_rows * mixed, mixed, row / all_rows, y0 + row % all_rows, lanes + i * row_size, &ranges[i]);
      }
    });
    AmxRange range;
    for (i64 i = 0; i < count; ++i) range.join(ranges[i]);
    if (!float_parts_suit(range, weights_.range, s_.depth())) return false;
    const i64 steps = cut_.steps(), all_steps = p_.window() * steps, step = parts_ * kAmxStep;
    i64* offsets = scratch<i64>(Scratch::kHalfB, all_steps);
    for (i64 i = 0; i < all_steps; ++i) {
      const Tap& tap = taps_[i / steps];
      offsets[i] = tap.phase * phase_size + tap.row * row_size + tap.column * mixed * lane_ + i % steps * step;
    }
    const i64 all_blocks = groups * blocks.count, runs = ceil_div(all_blocks, kRun), tasks = panels_ * runs;
    const i64 smallest = weights_.panels ? 1 : runs;  // of a panel that is packed here
    std::atomic<bool> suits{true};
    parallel_for(tasks, s_.work() / s_.images * images >= kThreadedWork ? smallest : tasks, [&](i64 begin, i64 end) {
      amx_kernels()->begin();
      alignas(64) float sums[kRun * kAmxLanes * kAmxLanes];
      u16* own = weights_.panels ? nullptr : scratch<u16>(Scratch::kAmxB, panel_size_);
      for (i64 task = begin; task < end; ++task) {
        const i64 panel = task / runs, first = task % runs * kRun, together = least(kRun, all_blocks - first);
        const u16* weights = own ? own : weights_.panels + panel * panel_size_;
        if (own && first == 0) {
          AmxRange seen;
          pack_panel(s_, c_.weight, parts_, panel, own, &seen);
          if (!float_parts_suit(range, seen, s_.depth())) suits = false;
        }
        for (i64 at = 0; at < all_steps; at += kStepsTogether) {
          for (i64 i = 0; i < together; ++i) {
            const i64 block = first + i;
            const u16* from = lanes + block / blocks.count * size + blocks.lane(block % blocks.count, width_) * lane_;
            amx_kernels()->multiply_image(from, lane_, kAmxStep, offsets + at, least(kStepsTogether, all_steps - at), parts_,
                                          weights + at * amx_step_size(parts_), sums + i * kAmxLanes * kAmxLanes, at > 0);
          }
        }
        for (i64 i = 0; i < together; ++i) {
          const i64 block = first + i;
          i64 places[kAmxLanes];
          places_of(blocks, block % blocks.count, y0, rows, places);
          finish(image + block / blocks.count * mixed, panel, sums + i * kAmxLanes * kAmxLanes, places);
        }
      }
      amx_kernels()->end();
    });
    return suits;
  }

  // Of a block's lanes in the planes of results, from the first of the mixed images on.
  void places_of(const Blocks& blocks, i64 block, i64 y0, i64 rows, i64* places) const {
    const i64 lane = blocks.lane(block, width_), in_row = width_ * blocks.mixed;
    i64 y = lane / in_row, x = lane % in_row / blocks.mixed, image = lane % blocks.mixed;
    for (i64 i = 0; i < kAmxLanes; ++i) {
      const bool wanted = y < rows && x < p_.ow;
      places[i] = wanted ? place_of(y0 + y, x) + image * s_.out_channels * c_.plane.size / (c_.out_last ? s_.out_channels : 1) : -1;
      if (++image < blocks.mixed) continue;
      image = 0;
      if (++x == width_) x = 0, ++y;
    }
  }

  // One row of one phase, of images that are mixed; what lies in the padding is zero.
  void split_row(i64 image, i64 mixed, i64 phase, i64 row, u16* out, AmxRange* range) const {
    const i64 y = row * p_.stride[0] + phase_row_[phase] - p_.padding[0];
    const i64 first = phase_column_[phase] - p_.padding[1], step = p_.stride[1], pixel = mixed * lane_;
    i64 begin = 0, end = 0;  // columns that lie in the image
    if (y >= 0 && y < p_.h) {
      begin = least(width_, first >= 0 ? 0 : ceil_div(-first, step));
      end = most(begin, least(width_, first >= p_.w ? 0 : ceil_div(p_.w - first, step)));
    }
    std::memset(out, 0, static_cast<std::size_t>(begin * pixel) * sizeof(u16));
    if (end > begin) {
      const i64 at = y * p_.w + first + begin * step, c = s_.in_channels, plane = p_.input(), size = s_.image_size();
      const float* from = c_.input + image * size + at * (c_.input_last ? c : 1);
      u16* to = out + begin * pixel;
      if (c_.input_last) {
        for (i64 x = 0; mixed > 1 && x < end - begin; ++x) {
          amx_kernels()->pack_pixels(from + x * step * c, size, 1, mixed, c, parts_, to + x * pixel, range);
        }
        if (mixed == 1) amx_kernels()->pack_pixels(from, step * c, 1, end - begin, c, parts_, to, range);
      } else if (step == 1 && mixed == 1) {
        amx_kernels()->pack_pixels(from, 1, plane, end - begin, c, parts_, to, range);
      } else {  // pixels apart: gathered first
        const i64 n = (end - begin) * mixed;
        float* pixels = scratch<float>(Scratch::kImage, c * n);
        for (i64 k = 0; k < c; ++k) gather(from + k * plane, size, mixed, step, end - begin, pixels + k * n);
        amx_kernels()->pack_pixels(pixels, 1, n, n, c, parts_, to, range);
      }
    }
    std::memset(out + end * pixel, 0, static_cast<std::size_t>((width_ - end) * pixel) * sizeof(u16));
  }

  // `n` pixels of each image.
  static void gather(const float* from, i64 image_size, i64 mixed, i64 step, i64 n, float* to) {
    for (i64 i = 0; i < mixed; ++i, from += image_size) {
      if (step == 2 && mixed == 1) {  // constant strides become shuffles
        for (i64 x = 0; x < n; ++x) to[x] = from[2 * x];
      } else {
        for (i64 x = 0; x < n; ++x) to[x * mixed + i] = from[x * step];
      }
    }
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
