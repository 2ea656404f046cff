// Blocks of sums on their way from the tile unit to results.
#include "cpu/amx/finish.h"

#include "cpu/amx/vectors.h"

namespace pyflame::cpu::amx {

namespace {

// Sums of 16 channels beside each other for each lane, scaled and shifted.
struct ChannelScale {
  __mmask16 mask;
  __m512 scale, shift;
  bool any;

  ChannelScale(const AmxResult& to, int half)
      : mask(first_lanes(to.channels - 16 * half)),
        scale(to.scale ? _mm512_maskz_loadu_ps(mask, to.scale + 16 * half) : _mm512_set1_ps(1)),
        shift(to.shift ? _mm512_maskz_loadu_ps(mask, to.shift + 16 * half) : _mm512_setzero_ps()),
        any(to.scale || to.shift) {}
  __m512 of(const float* sums) const {
    __m512 x = _mm512_maskz_loadu_ps(mask, sums);
    return any ? _mm512_fmadd_ps(x, scale, shift) : x;
  }
};

// The second operand is what comes out of a NaN and of equal zeros.
__m512 rectified(__m512 x) { return _mm512_max_ps(_mm512_setzero_ps(), x); }

void finish_channels_last(const float* sums, i64 sums_row, const AmxResult& to, int half) {
  const ChannelScale scaled(to, half);
  const bool past = to.past && to.channels == kAmxLanes && reinterpret_cast<u64>(to.out) % 64 == 0;
  for (i64 lane = 0; lane < kAmxLanes; ++lane) {
    const i64 place = to.places[lane];
    if (place < 0) continue;
    __m512 x = scaled.of(sums + lane * sums_row + 16 * half);
    if (to.residual) x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(scaled.mask, to.residual + place + 16 * half));
    if (to.relu) x = rectified(x);
    float* out = to.out + place + 16 * half;
    past && place % 16 == 0 ? _mm512_stream_ps(out, x) : _mm512_mask_storeu_ps(out, scaled.mask, x);
  }
}

// 16 lanes of 16 channels, turned so that a channel's lanes go to memory together.
void finish_planes(const float* sums, i64 sums_row, const AmxResult& to, int half, i64 first_lane) {
  const i64* places = to.places + first_lane;
  const i64 channels = to.channels - 16 * half;
  __mmask16 wanted = 0;
  alignas(64) int index[16];
  bool in_a_row = true;
  for (int i = 0; i < 16; ++i) {
    wanted |= static_cast<__mmask16>((places[i] >= 0) << i);
    index[i] = places[i] < 0 ? 0 : static_cast<int>(places[i]);
    in_a_row &= places[i] == places[0] + i;
  }
  if (!wanted) return;
  in_a_row &= wanted == 0xffff;
  const ChannelScale scaled(to, half);
  __m512i rows[16];
  for (int i = 0; i < 16; ++i) {
    rows[i] = _mm512_castps_si512(scaled.of(sums + (first_lane + i) * sums_row + 16 * half));
  }
  transpose(rows);
  const __m512i at = _mm512_load_si512(index);
  for (int c = 0; c < 16 && c < channels; ++c) {
    const i64 offset = (16 * half + c) * to.channel_step;
    float* out = to.out + offset;
    __m512 x = _mm512_castsi512_ps(rows[c]);
    if (to.residual) {
      const float* from = to.residual + offset;
      x = _mm512_add_ps(x, in_a_row ? _mm512_loadu_ps(from + places[0])
                                    : _mm512_mask_i32gather_ps(_mm512_setzero_ps(), wanted, at, from, 4));
    }
    if (to.relu) x = rectified(x);
    if (in_a_row) {
      _mm512_storeu_ps(out + places[0], x);
    } else {
      _mm512_mask_i32scatter_ps(out, wanted, at, x, 4);
    }
  }
}

}  // namespace

void finish(const float* sums, i64 sums_row, const AmxResult& to) {
  for (int half = 0; 16 * half < to.channels; ++half) {
    if (to.channel_step == 1) {
      finish_channels_last(sums, sums_row, to, half);
    } else {
      finish_planes(sums, sums_row, to, half, 0);
      finish_planes(sums, sums_row, to, half, 16);
    }
  }
}

}  // namespace pyflame::cpu::amx
