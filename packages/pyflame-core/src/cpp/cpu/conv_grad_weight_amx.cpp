// The gradient of the weights on the tile unit: for each window element a product of the image (channels x pixels),
// shifted, and the gradient (pixels x results). Planes of the image are split once, padded, one for each phase of the
// stride; a shift is an offset in them. Pixels run over the padded width, where the gradient is zero beyond its own. Small
// images are mixed as in conv_amx.cpp: a pixel of a few is neighbouring numbers, and steps go row by row.
#include <cstring>

#include "cpu/arithmetic.h"
#include "cpu/conv_amx.h"
#include "cpu/gemm_amx.h"
#include "cpu/gemm_blocked.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

// Of what a block of sums reads from some images: half of a second-level cache.
constexpr i64 kGroupBytes = i64{1} << 20;
constexpr i64 kBlock = kAmxLanes * kAmxLanes;

i64 rounded(i64 n) { return ceil_div(n, kAmxStep) * kAmxStep; }

class WeightGradient {
 public:
  WeightGradient(const ConvSizes& s, const float* grad, const float* input, int parts)
      : s_(s), p_(s.plane), grad_(grad), input_(input), parts_(parts) {
    extra_rows_ = (p_.kh - 1) * p_.dilation[0] / p_.stride[0];
    width_ = p_.ow + (p_.kw - 1) * p_.dilation[1] / p_.stride[1];
    mix();
    // The last step of the last window element reads on behind the plane.
    plane_ = rounded(((p_.oh + extra_rows_) * width_ + p_.kw * p_.dilation[1]) * mixed_) + kAmxStep;
    lane_ = plane_ * parts_ + (plane_ * parts_ / kAmxStep % 2 ? 0 : kAmxStep);
    phases_ = p_.stride[0] * p_.stride[1];
    channel_blocks_ = ceil_div(s_.in_channels, kAmxLanes), out_blocks_ = ceil_div(s_.out_channels, kAmxLanes);
    const i64 block_bytes = 2 * (phases_ * kAmxLanes * lane_ + steps_ * amx_step_size(parts_));
    group_ = least(units(), kGroupBytes / block_bytes + 1);
  }

  bool run(float* out) {
    const i64 blocks = p_.window() * channel_blocks_ * out_blocks_;
    sums_ = group_ < units() ? scratch<float>(Scratch::kAmxC, blocks * kBlock) : nullptr;
    for (i64 first = 0; first < units(); first += group_) {
      const i64 count = least(group_, units() - first);
      pack(first, count);
      if (!float_parts_suit(planes_range_, grad_range_, s_.images * p_.result())) return false;
      add_products(first, count, out);
    }
    return true;
  }

 private:
  i64 units() const { return s_.images / mixed_; }  // of mixed images

  // As many images as save the most steps, and an eighth of them at least: mixing is work too.
  void mix() {
    const i64 plain = ceil_div(p_.oh * width_, kAmxStep);
    steps_ = plain;
    for (i64 some = 2; some <= least(s_.images, kAmxStep); ++some) {
      const i64 in_row = ceil_div(p_.ow * some, kAmxStep), steps = p_.oh * in_row;
      if (s_.images % some || 8 * steps > 7 * plain * some || steps * mixed_ >= steps_ * some) continue;
      mixed_ = some, in_row_ = in_row, steps_ = steps;
    }
  }

  u16* channel_planes(i64 unit, i64 phase, i64 block) const {
    return planes_ + ((unit * phases_ + phase) * channel_blocks_ + block) * kAmxLanes * lane_;
  }

  void pack(i64 first, i64 count) {
    const i64 lanes = channel_blocks_ * kAmxLanes, panel = steps_ * amx_step_size(parts_);
    planes_ = scratch<u16>(Scratch::kAmxA, count * phases_ * lanes * lane_);
    gradients_ = scratch<u16>(Scratch::kAmxB, out_blocks_ * count * panel);
    const i64 plane_tasks = count * phases_ * channel_blocks_, tasks = plane_tasks + count * out_blocks_;
    AmxRange* ranges = scratch<AmxRange>(Scratch::kAmxState, tasks);
    parallel_for(tasks, 1, [&](i64 begin, i64 end) {
      for (i64 task = begin; task < end; ++task) {
        ranges[task] = AmxRange{};
        if (task < plane_tasks) {
          const i64 block = task % channel_blocks_, phase = task / channel_blocks_ % phases_;
          const i64 unit = task / channel_blocks_ / phases_;
          pack_planes(first + unit, phase, block, channel_planes(unit, phase, block), &ranges[task]);
        } else {
          const i64 at = task - plane_tasks, unit = at / out_blocks_, block = at % out_blocks_;
          pack_gradient(first + unit, block, gradients_ + (block * count + unit) * panel, &ranges[task]);
        }
      }
    });
    for (i64 i = 0; i < tasks; ++i) (i < plane_tasks ? planes_range_ : grad_range_).join(ranges[i]);
  }

  // 32 channels of one phase of a unit.
  void pack_planes(i64 unit, i64 phase, i64 block, u16* out, AmxRange* range) const {
    const i64 row_step = p_.stride[0], step = p_.stride[1], rows = p_.oh + extra_rows_;
    const i64 top = phase / step - p_.padding[0], left = phase % step - p_.padding[1];
    const i64 begin = left >= 0 ? 0 : least(width_, ceil_div(-left, step));
    const i64 end = left >= p_.w ? begin : most(begin, least(width_, ceil_div(p_.w - left, step)));
    float* plane = scratch<float>(Scratch::kImage, plane_);
    for (i64 lane = 0; lane < kAmxLanes; ++lane, out += lane_) {
      const i64 channel = block * kAmxLanes + lane;
      if (channel >= s_.in_channels) {
        std::memset(out, 0, static_cast<std::size_t>(lane_) * sizeof(u16));
        continue;
      }
      std::memset(plane, 0, static_cast<std::size_t>(plane_) * sizeof(float));
      const float* from = input_ + (unit * mixed_ * s_.in_channels + channel) * p_.input();
      for (i64 r = 0; r < rows; ++r) {
        const i64 y = r * row_step + top;
        if (y < 0 || y >= p_.h) continue;
        spread(from + y * p_.w + left + begin * step, s_.image_size(), step, end - begin, plane + (r * width_ + begin) * mixed_);
      }
      amx_kernels()->pack_run(plane, plane_, parts_, out, plane_, range);
    }
  }

  // A row of `n` pixels of every image of a unit.
  void spread(const float* from, i64 image_size, i64 step, i64 n, float* to) const {
    if (step == 1 && mixed_ == 1) {
      std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(float));
      return;
    }
    for (i64 i = 0; i < mixed_; ++i, from += image_size) {
      for (i64 x = 0; x < n; ++x) to[x * mixed_ + i] = from[x * step];
    }
  }

  // 32 results of one unit.
  void pack_gradient(i64 unit, i64 block, u16* out, AmxRange* range) const {
    const i64 lanes = least(kAmxLanes, s_.out_channels - block * kAmxLanes), n = steps_ * kAmxStep;
    const float* from = grad_ + (unit * mixed_ * s_.out_channels + block * kAmxLanes) * p_.result();
    if (width_ == p_.ow && mixed_ == 1) {
      amx_kernels()->pack_floats(from, p_.result(), 1, lanes, p_.result(), parts_, true, out, range);
      return;
    }
    const i64 row = in_row_ ? in_row_ * kAmxStep : width_;
    float* wide = scratch<float>(Scratch::kImage, lanes * n);
    std::memset(wide, 0, static_cast<std::size_t>(lanes * n) * sizeof(float));
    for (i64 lane = 0; lane < lanes; ++lane) {
      for (i64 y = 0; y < p_.oh; ++y) {
        spread(from + lane * p_.result() + y * p_.ow, s_.result_size(), 1, p_.ow, wide + lane * n + y * row);
      }
    }
    amx_kernels()->pack_floats(wide, n, 1, lanes, n, parts_, true, out, range);
  }

  // Every task has blocks of its own, so that sums do not depend on the number of threads. They wait for the next images
  // where there are some, and go to the result from the cache after the last ones.
  void add_products(i64 first, i64 count, float* out) const {
    const i64 steps = count * steps_, unit_size = phases_ * channel_blocks_ * kAmxLanes * lane_;
    const i64 tasks = out_blocks_ * channel_blocks_;
    parallel_for(tasks, s_.work() >= kThreadedWork ? 1 : tasks, [&](i64 begin, i64 end) {
      i64* offsets = scratch<i64>(Scratch::kHalfB, steps);
      float* own = sums_ ? nullptr : scratch<float>(Scratch::kResult, p_.window() * kBlock);
      amx_kernels()->begin();
      for (i64 task = begin; task < end; ++task) {
        const i64 out_block = task / channel_blocks_, block = task % channel_blocks_;
        const u16* gradient = gradients_ + out_block * steps * amx_step_size(parts_);
        float* sums = sums_ ? sums_ + task * p_.window() * kBlock : own;
        for (i64 k = 0; k < p_.window(); ++k) {
          const i64 y = k / p_.kw * p_.dilation[0], x = k % p_.kw * p_.dilation[1];
          const i64 phase = y % p_.stride[0] * p_.stride[1] + x % p_.stride[1];
          const i64 shift = (y / p_.stride[0] * width_ + x / p_.stride[1]) * mixed_;
          for (i64 i = 0; i < steps; ++i) offsets[i] = i / steps_ * unit_size + place_of(i % steps_) + shift;
          amx_kernels()->multiply_image(channel_planes(0, phase, block), lane_, plane_, offsets, steps, parts_, gradient,
                                        sums + k * kBlock, first > 0);
        }
        if (first + count == units()) store(sums, out_block, block, out);
      }
      amx_kernels()->end();
    });
  }

  i64 place_of(i64 step) const {
    return in_row_ ? step / in_row_ * width_ * mixed_ + step % in_row_ * kAmxStep : step * kAmxStep;
  }

  // From (element, channel, result) to (result, channel, element).
  void store(const float* sums, i64 out_block, i64 block, float* out) const {
    const i64 window = p_.window(), first_out = out_block * kAmxLanes, first = block * kAmxLanes;
    const i64 outs = least(kAmxLanes, s_.out_channels - first_out), channels = least(kAmxLanes, s_.in_channels - first);
    for (i64 c = 0; c < channels; ++c) {
      const float* from = sums + c * kAmxLanes;
      float* to = out + first_out * s_.depth() + (first + c) * window;
      for (i64 k = 0; k < window; k += 16) {
        amx_kernels()->turn_back(from + k * kBlock, kBlock, outs, least(16, window - k), to + k, s_.depth());
      }
    }
  }

  const ConvSizes& s_;
  const ConvPlane& p_;
  const float *grad_, *input_;
  const int parts_;
  i64 mixed_ = 1, in_row_ = 0;  // images, and steps in a row of theirs, or 0: steps go along all rows
  i64 extra_rows_, width_, steps_, plane_, lane_, phases_, channel_blocks_, out_blocks_, group_;
  u16 *planes_ = nullptr, *gradients_ = nullptr;
  float* sums_ = nullptr;  // where images come in several groups
  AmxRange planes_range_, grad_range_;
};

}  // namespace

bool conv_grad_weight_amx(const ConvSizes& s, const float* grad, const float* input, float* out, int parts) {
  const ConvPlane& p = s.plane;
  // Of single elements splitting the numbers costs more than the unit saves.
  if (p.window() == 1) return false;
  if (s.groups != 1 || s.in_channels < 16 || s.out_channels < 16 || s.work() < i64{1} << 20) return false;
  const i64 channels = ceil_div(s.in_channels, kAmxLanes) * kAmxLanes, outs = ceil_div(s.out_channels, kAmxLanes) * kAmxLanes;
  if (2 * s.in_channels * s.out_channels < channels * outs) return false;  // as in fills_tiles()
  if (p.stride[0] > 8 || p.stride[1] > 8 || s.images * p.result() < kAmxLanes) return false;
  return WeightGradient(s, grad, input, parts).run(out);
}

}  // namespace pyflame::cpu
