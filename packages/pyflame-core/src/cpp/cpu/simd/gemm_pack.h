// Copies one panel of a matrix into the order the register tile reads it.
#pragma once
#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

typedef float FourFloats __attribute__((vector_size(16)));
typedef double TwoDoubles __attribute__((vector_size(16)));
typedef float LooseFourFloats __attribute__((vector_size(16), aligned(4), may_alias));
typedef double LooseTwoDoubles __attribute__((vector_size(16), aligned(8), may_alias));

inline constexpr int kBlock(const float*) { return 4; }
inline constexpr int kBlock(const double*) { return 2; }

// out[k * width + lane] = in[lane * stride + k] for a square of 16-byte vectors.
inline void transpose_block(const float* in, i64 stride, float* out, i64 width) {
  typedef int Index __attribute__((vector_size(16)));
  FourFloats r[4], t[4];
  for (int i = 0; i < 4; ++i) r[i] = *reinterpret_cast<const LooseFourFloats*>(in + i * stride);
  t[0] = __builtin_shuffle(r[0], r[1], Index{0, 4, 1, 5});
  t[1] = __builtin_shuffle(r[0], r[1], Index{2, 6, 3, 7});
  t[2] = __builtin_shuffle(r[2], r[3], Index{0, 4, 1, 5});
  t[3] = __builtin_shuffle(r[2], r[3], Index{2, 6, 3, 7});
  r[0] = __builtin_shuffle(t[0], t[2], Index{0, 1, 4, 5});
  r[1] = __builtin_shuffle(t[0], t[2], Index{2, 3, 6, 7});
  r[2] = __builtin_shuffle(t[1], t[3], Index{0, 1, 4, 5});
  r[3] = __builtin_shuffle(t[1], t[3], Index{2, 3, 6, 7});
  for (int i = 0; i < 4; ++i) *reinterpret_cast<LooseFourFloats*>(out + i * width) = r[i];
}
inline void transpose_block(const double* in, i64 stride, double* out, i64 width) {
  typedef i64 Index __attribute__((vector_size(16)));
  TwoDoubles r0 = *reinterpret_cast<const LooseTwoDoubles*>(in);
  TwoDoubles r1 = *reinterpret_cast<const LooseTwoDoubles*>(in + stride);
  *reinterpret_cast<LooseTwoDoubles*>(out) = __builtin_shuffle(r0, r1, Index{0, 2});
  *reinterpret_cast<LooseTwoDoubles*>(out + width) = __builtin_shuffle(r0, r1, Index{1, 3});
}

template <class T>
void pack_copy(const T* in, i64 k_stride, i64 lanes, i64 k, i64 width, T* out) {
  i64 whole = lanes / kWidth<T> * kWidth<T>;
  int rest = static_cast<int>(lanes - whole);
  Lanes<T> tail(rest);
  for (i64 p = 0; p < k; ++p, in += k_stride, out += width) {
    for (i64 j = 0; j < whole; j += kWidth<T>) store(out + j, load(in + j));
    if (rest) store(out + whole, load(in + whole, tail), tail);
    for (i64 j = lanes; j < width; ++j) out[j] = T(0);
  }
}

template <class T>
void pack_transposed(const T* in, i64 lane_stride, i64 lanes, i64 k, i64 width, T* out) {
  constexpr int kSide = kBlock(static_cast<const T*>(nullptr));
  i64 p = 0;
  for (; p + kSide <= k; p += kSide) {
    i64 lane = 0;
    T* to = out + p * width;
    for (; lane + kSide <= lanes; lane += kSide) {
      transpose_block(in + lane * lane_stride + p, lane_stride, to + lane, width);
    }
    for (; lane < width; ++lane) {
      for (int q = 0; q < kSide; ++q) to[q * width + lane] = lane < lanes ? in[lane * lane_stride + p + q] : T(0);
    }
  }
  for (; p < k; ++p) {
    for (i64 lane = 0; lane < width; ++lane) out[p * width + lane] = lane < lanes ? in[lane * lane_stride + p] : T(0);
  }
}

template <class T>
void pack(const T* in, i64 lane_stride, i64 k_stride, i64 lanes, i64 k, i64 width, T* out) {
  if (lane_stride == 1) return pack_copy(in, k_stride, lanes, k, width, out);
  if (k_stride == 1) return pack_transposed(in, lane_stride, lanes, k, width, out);
  for (i64 p = 0; p < k; ++p) {
    for (i64 lane = 0; lane < width; ++lane) {
      out[p * width + lane] = lane < lanes ? in[lane * lane_stride + p * k_stride] : T(0);
    }
  }
}

}  // namespace pyflame::cpu::PYFLAME_TIER
