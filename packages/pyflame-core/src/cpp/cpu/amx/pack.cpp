// Copies panels of matrices into tiles, splitting floats into bfloat16 parts on the way.
#include <immintrin.h>

#include "cpu/amx/finish.h"
#include "cpu/amx/multiply.h"
#include "cpu/amx/vectors.h"
#include "cpu/amx_kernels.h"

namespace pyflame::cpu::amx {

namespace {

constexpr i64 kHalf = kAmxLanes / 2;

struct RangeVectors {
  __m512i low = _mm512_set1_epi32(-1), high = _mm512_setzero_si512();

  void add(__m512 x) {
    __m512i bits = _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
    high = _mm512_max_epu32(high, bits);
    // Zero minus one is the largest number, so zeros do not count.
    low = _mm512_min_epu32(low, _mm512_sub_epi32(bits, _mm512_set1_epi32(1)));
  }
  void merge_into(AmxRange* range) const {
    u32 least = _mm512_reduce_min_epu32(low), most = _mm512_reduce_max_epu32(high);
    if (least != ~0u && least + 1 < range->low) range->low = least + 1;
    if (most > range->high) range->high = most;
  }
};

__m512 widen(__m256i halves) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

// 32 floats, `first` 16 and `second` 16, as parts of 32 numbers, each part the nearest to what is left.
template <int kParts>
void split_nearest(__m512 first, __m512 second, __m512i* out) {
  for (int part = 0; part < kParts; ++part) {
    __m512i rounded = (__m512i)_mm512_cvtne2ps_pbh(second, first);
    out[part] = rounded;
    first = _mm512_sub_ps(first, widen(_mm512_castsi512_si256(rounded)));
    second = _mm512_sub_ps(second, widen(_mm512_extracti64x4_epi64(rounded, 1)));
  }
}

// 16 pairs of floats as parts of 16 pairs. Three parts of 8 bits are all of a float, however halfway cases are rounded: that
// takes integer arithmetic alone, and two thirds of the time.
template <int kParts>
void split_pairs(__m512 even, __m512 odd, __m512i* out) {
  if constexpr (kParts < 3) {
    const __m512i interleave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22,
                                                6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    split_nearest<kParts>(even, odd, out);
    for (int part = 0; part < kParts; ++part) out[part] = _mm512_permutexvar_epi16(interleave, out[part]);
  } else {
    const __m512i mask = _mm512_set1_epi32(static_cast<int>(0xffff0000)), half = _mm512_set1_epi32(0x8000);
    for (int part = 0; part < kParts; ++part) {
      __m512i low = _mm512_castps_si512(even), high = _mm512_castps_si512(odd);
      if (part + 1 < kParts) low = _mm512_add_epi32(low, half), high = _mm512_add_epi32(high, half);
      constexpr int kFirstOrBothOthers = 0xf8;
      out[part] = _mm512_ternarylogic_epi32(_mm512_srli_epi32(low, 16), high, mask, kFirstOrBothOthers);
      even = _mm512_sub_ps(even, _mm512_castsi512_ps(_mm512_and_si512(low, mask)));
      odd = _mm512_sub_ps(odd, _mm512_castsi512_ps(_mm512_and_si512(high, mask)));
    }
  }
}

// 32 floats in a row.
template <int kParts>
void split(__m512 first, __m512 second, __m512i* out) {
  if constexpr (kParts < 3) return split_nearest<kParts>(first, second, out);
  const __m512i even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  const __m512i odd = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
  split_pairs<kParts>(_mm512_permutex2var_ps(first, even, second), _mm512_permutex2var_ps(first, odd, second), out);
}

__mmask32 first_halves(i64 count) { return count >= 32 ? ~0u : count <= 0 ? 0u : (1u << count) - 1; }

// One tile of each part from 16 lanes with contiguous k: [lane][k].
template <int kParts, class Lane>
void lanes_to_tiles(Lane&& lane_at, i64 lanes, i64 k, u16* out, RangeVectors& range) {
  __mmask16 low = first_lanes(k), high = first_lanes(k - 16);
  for (int lane = 0; lane < 16; ++lane) {
    const float* from = lane < lanes ? lane_at(lane) : nullptr;
    __m512 first = _mm512_setzero_ps(), second = first;
    if (from) first = _mm512_maskz_loadu_ps(low, from), second = _mm512_maskz_loadu_ps(high, from + 16);
    range.add(first);
    range.add(second);
    __m512i parts[kParts];
    split<kParts>(first, second, parts);
    for (int part = 0; part < kParts; ++part) _mm512_store_si512(out + part * 2 * kAmxTile + lane * 32, parts[part]);
  }
}

// The same transposed: [k / 2][lane][2].
template <int kParts>
void lanes_to_columns(const float* in, i64 lane_stride, i64 lanes, i64 k, u16* out, RangeVectors& range) {
  for (int half = 0; half < 2; ++half, in += 16, k -= 16) {
    const __mmask16 mask = first_lanes(k);
    __m512i rows[16];
    for (int lane = 0; lane < 16; ++lane) {
      const __m512 x = lane < lanes ? _mm512_maskz_loadu_ps(mask, in + lane * lane_stride) : _mm512_setzero_ps();
      range.add(x);
      rows[lane] = _mm512_castps_si512(x);
    }
    transpose(rows);
    for (int pair = 0; pair < 8; ++pair, out += 32) {
      __m512i parts[kParts];
      split_pairs<kParts>(_mm512_castsi512_ps(rows[2 * pair]), _mm512_castsi512_ps(rows[2 * pair + 1]), parts);
      for (int part = 0; part < kParts; ++part) _mm512_store_si512(out + part * 2 * kAmxTile, parts[part]);
    }
  }
}

// From 16 contiguous lanes for every k: [k / 2][lane][2], or transposed.
template <int kParts>
void columns_to_tiles(const float* in, i64 k_stride, i64 lanes, i64 k, bool columns, u16* out, RangeVectors& range) {
  __m512i rows[kParts][16];
  __mmask16 mask = first_lanes(lanes);
  for (int pair = 0; pair < 16; ++pair) {
    const float* from = in + 2 * pair * k_stride;
    __m512 first = _mm512_setzero_ps(), second = first;
    if (2 * pair < k) first = _mm512_maskz_loadu_ps(mask, from);
    if (2 * pair + 1 < k) second = _mm512_maskz_loadu_ps(mask, from + k_stride);
    range.add(first);
    range.add(second);
    __m512i parts[kParts];
    split_pairs<kParts>(first, second, parts);
    for (int part = 0; part < kParts; ++part) rows[part][pair] = parts[part];
  }
  for (int part = 0; part < kParts; ++part) {
    if (!columns) transpose(rows[part]);
    for (int i = 0; i < 16; ++i) _mm512_store_si512(out + part * 2 * kAmxTile + i * 32, rows[part][i]);
  }
}

template <int kParts>
void pack_split(const float* in, i64 lane_stride, i64 k_stride, i64 lanes, i64 k, bool columns, u16* out,
                AmxRange* range) {
  RangeVectors seen;
  for (i64 p = 0; p < k; p += kAmxStep, out += amx_step_size(kParts)) {
    for (i64 half = 0; half < 2; ++half) {
      const float* from = in + half * kHalf * lane_stride + p * k_stride;
      const i64 count = lanes - half * kHalf;
      u16* to = out + half * kAmxTile;
      if (k_stride == 1 && columns) {
        lanes_to_columns<kParts>(from, lane_stride, count, k - p, to, seen);
      } else if (k_stride == 1) {
        lanes_to_tiles<kParts>([&](int lane) { return from + lane * lane_stride; }, count, k - p, to, seen);
      } else {
        columns_to_tiles<kParts>(from, k_stride, count, k - p, columns, to, seen);
      }
    }
  }
  seen.merge_into(range);
}

void pack_floats(const float* in, i64 lane_stride, i64 k_stride, i64 lanes, i64 k, int parts, bool columns, u16* out,
                 AmxRange* range) {
  auto pack = parts == 1 ? pack_split<1> : parts == 2 ? pack_split<2> : pack_split<3>;
  pack(in, lane_stride, k_stride, lanes, k, columns, out, range);
}

template <int kParts>
void pack_scattered(const float* const* lanes, i64 k, u16* out, AmxRange* range) {
  RangeVectors seen;
  for (i64 p = 0; p < k; p += kAmxStep, out += amx_step_size(kParts)) {
    for (i64 half = 0; half < 2; ++half) {
      auto lane_at = [&](int lane) {
        const float* from = lanes[half * kHalf + lane];
        return from ? from + p : nullptr;
      };
      lanes_to_tiles<kParts>(lane_at, kHalf, k - p, out + half * kAmxTile, seen);
    }
  }
  seen.merge_into(range);
}

void pack_lanes(const float* const* lanes, i64 k, int parts, u16* out, AmxRange* range) {
  auto pack = parts == 1 ? pack_scattered<1> : parts == 2 ? pack_scattered<2> : pack_scattered<3>;
  pack(lanes, k, out, range);
}

// `count` pixels, at most 16, of all channels.
template <int kParts>
void pixels_to_lanes(const float* in, i64 pixel_stride, i64 channel_stride, i64 count, i64 channels, u16* out,
                     RangeVectors& range) {
  const i64 lane = amx_lane_size(channels, kParts);
  for (i64 c = 0; c < channels; c += kAmxStep, out += kParts * kAmxStep) {
    if (channel_stride == 1) {
      const __mmask16 low = first_lanes(channels - c), high = first_lanes(channels - c - 16);
      for (i64 i = 0; i < count; ++i) {
        const float* from = in + i * pixel_stride + c;
        __m512 first = _mm512_maskz_loadu_ps(low, from), second = _mm512_maskz_loadu_ps(high, from + 16);
        range.add(first);
        range.add(second);
        __m512i parts[kParts];
        split<kParts>(first, second, parts);
        for (int part = 0; part < kParts; ++part) _mm512_store_si512(out + i * lane + part * kAmxStep, parts[part]);
      }
      continue;
    }
    alignas(64) u16 tiles[kParts * 2 * kAmxTile];
    columns_to_tiles<kParts>(in + c * channel_stride, channel_stride, count, channels - c, false, tiles, range);
    for (i64 i = 0; i < count; ++i) {
      for (int part = 0; part < kParts; ++part) {
        _mm512_store_si512(out + i * lane + part * kAmxStep, _mm512_load_si512(tiles + part * 2 * kAmxTile + i * 32));
      }
    }
  }
}

template <int kParts>
void pack_all_pixels(const float* in, i64 pixel_stride, i64 channel_stride, i64 pixels, i64 channels, u16* out,
                     AmxRange* range) {
  RangeVectors seen;
  for (i64 i = 0; i < pixels; i += kHalf) {
    pixels_to_lanes<kParts>(in + i * pixel_stride, pixel_stride, channel_stride, pixels - i < kHalf ? pixels - i : kHalf,
                            channels, out + i * amx_lane_size(channels, kParts), seen);
  }
  seen.merge_into(range);
}

void pack_pixels(const float* in, i64 pixel_stride, i64 channel_stride, i64 pixels, i64 channels, int parts, u16* out,
                 AmxRange* range) {
  auto pack = parts == 1 ? pack_all_pixels<1> : parts == 2 ? pack_all_pixels<2> : pack_all_pixels<3>;
  pack(in, pixel_stride, channel_stride, pixels, channels, out, range);
}

template <int kParts>
void split_run(const float* in, i64 n, u16* out, i64 part_size, AmxRange* range) {
  RangeVectors seen;
  for (i64 i = 0; i < n; i += kAmxStep) {
    __m512 first = _mm512_loadu_ps(in + i), second = _mm512_loadu_ps(in + i + 16);
    seen.add(first);
    seen.add(second);
    __m512i parts[kParts];
    split<kParts>(first, second, parts);
    for (int part = 0; part < kParts; ++part) _mm512_storeu_si512(out + part * part_size + i, parts[part]);
  }
  seen.merge_into(range);
}

void pack_run(const float* in, i64 n, int parts, u16* out, i64 part_size, AmxRange* range) {
  auto pack = parts == 1 ? split_run<1> : parts == 2 ? split_run<2> : split_run<3>;
  pack(in, n, out, part_size, range);
}

void turn_windows(const float* in, i64 lane_stride, i64 lanes, i64 window, float* out, i64 step) {
  const __mmask16 mask = first_lanes(window);
  for (i64 first = 0; first < lanes; first += kHalf, out += kHalf) {
    __m512i rows[16];
    for (i64 i = 0; i < kHalf; ++i) {
      const float* from = in + (first + i) * lane_stride;
      rows[i] = first + i < lanes ? _mm512_castps_si512(_mm512_maskz_loadu_ps(mask, from)) : _mm512_setzero_si512();
    }
    transpose(rows);
    for (i64 k = 0; k < window; ++k) _mm512_storeu_si512(out + k * step, rows[k]);
  }
}

void turn_back(const float* in, i64 step, i64 lanes, i64 window, float* out, i64 lane_stride) {
  const __mmask16 mask = first_lanes(window);
  for (i64 first = 0; first < lanes; first += kHalf, in += kHalf) {
    __m512i rows[16];
    for (i64 k = 0; k < 16; ++k) rows[k] = k < window ? _mm512_loadu_si512(in + k * step) : _mm512_setzero_si512();
    transpose(rows);
    for (i64 i = 0; i < kHalf && first + i < lanes; ++i) {
      _mm512_mask_storeu_ps(out + (first + i) * lane_stride, mask, _mm512_castsi512_ps(rows[i]));
    }
  }
}

// Ranges of bfloat16 numbers; merged, they are those of the floats these are.
struct HalfRange {
  __m512i low = _mm512_set1_epi32(-1), high = _mm512_setzero_si512();

  void add(__m512i halves) {
    __m512i bits = _mm512_and_si512(halves, _mm512_set1_epi16(0x7fff));
    high = _mm512_max_epu16(high, bits);
    low = _mm512_min_epu16(low, _mm512_sub_epi16(bits, _mm512_set1_epi16(1)));
  }
  void merge_into(AmxRange* range) const {
    const __m512i both[2] = {_mm512_min_epu16(low, _mm512_srli_epi32(low, 16)),
                             _mm512_max_epu16(high, _mm512_srli_epi32(high, 16))};
    const __m512i mask = _mm512_set1_epi32(0xffff);
    const u32 least = _mm512_reduce_min_epu32(_mm512_and_si512(both[0], mask));
    const u32 most = _mm512_reduce_max_epu32(_mm512_and_si512(both[1], mask));
    if (least != 0xffff && (least + 1) << 16 < range->low) range->low = (least + 1) << 16;
    if (most << 16 > range->high) range->high = most << 16;
  }
};

void pack_bfloat16(const u16* in, i64 lane_stride, i64 k_stride, i64 lanes, i64 k, bool columns, u16* out,
                   AmxRange* range) {
  HalfRange seen;
  for (i64 p = 0; p < k; p += kAmxStep) {
    for (i64 half = 0; half < 2; ++half, out += kAmxTile) {
      const u16* from = in + half * kHalf * lane_stride + p * k_stride;
      const i64 count = lanes - half * kHalf;
      __m512i rows[16];
      for (i64 i = 0; i < 16; ++i) {
        if (k_stride == 1) {
          rows[i] = i < count ? _mm512_maskz_loadu_epi16(first_halves(k - p), from + i * lane_stride)
                              : _mm512_setzero_si512();
        } else {
          const __mmask16 mask = first_lanes(count);
          __m256i first = 2 * i < k - p ? _mm256_maskz_loadu_epi16(mask, from + 2 * i * k_stride)
                                        : _mm256_setzero_si256();
          __m256i second = 2 * i + 1 < k - p ? _mm256_maskz_loadu_epi16(mask, from + (2 * i + 1) * k_stride)
                                             : _mm256_setzero_si256();
          rows[i] = _mm512_or_si512(_mm512_cvtepu16_epi32(first),
                                    _mm512_slli_epi32(_mm512_cvtepu16_epi32(second), 16));
        }
        seen.add(rows[i]);
      }
      if ((k_stride == 1) == columns) transpose(rows);
      for (i64 i = 0; i < 16; ++i) _mm512_store_si512(out + i * 32, rows[i]);
    }
  }
  seen.merge_into(range);
}

void narrow(const float* sums, i64 lds, i64 rows, i64 columns, u16* out, i64 ldc, bool past) {
  const __mmask32 mask = first_halves(columns);
  past &= columns == 32 && (reinterpret_cast<u64>(out) | static_cast<u64>(ldc) * 2) % 64 == 0;
  for (i64 i = 0; i < rows; ++i, sums += lds, out += ldc) {
    __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(sums + 16), _mm512_loadu_ps(sums));
    if (past) {
      _mm512_stream_si512((__m512i*)out, halves);
    } else {
      _mm512_mask_storeu_epi16(out, mask, halves);
    }
  }
}

}  // namespace

extern const AmxKernels kernels;  // declared where it is used, in precision.cpp
const AmxKernels kernels = {pack_floats, pack_lanes, pack_pixels, pack_run, turn_windows, turn_back, pack_bfloat16, begin,
                            end, multiply, narrow, multiply_image, finish};

}  // namespace pyflame::cpu::amx
