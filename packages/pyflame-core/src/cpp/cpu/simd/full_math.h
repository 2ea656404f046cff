// Functions of vectors of double to their last bits.
#pragma once
#include "cpu/simd/wide_math.h"

namespace pyflame::cpu::PYFLAME_TIER {

// 1 / x within an ulp, for finite x other than 0.
inline DoubleVector full_reciprocal(DoubleVector x) {
  DoubleVector near = near_reciprocal(x);
#if defined(__AVX512F__)
  return fma(near, fma(-x, near, broadcast(1.0)), near);
#else
  return near;
#endif
}

// As wide_polynomial, by Horner's rule: for sums of even and of odd powers that cancel.
template <class... C>
inline DoubleVector full_polynomial(DoubleVector x, double first, C... rest) {
  DoubleVector sum = broadcast(first);
  ((sum = fma(sum, x, broadcast(rest))), ...);
  return sum;
}

// exp(x) within 2 ulp, for x in [-746, 710] or NaN.
inline DoubleVector full_exp(DoubleVector x) {
  using F = FloatBits<double>;
  DoubleVector shifted = fma(x, broadcast(1.4426950408889634), broadcast(F::kMagic)), n = shifted - F::kMagic;
  DoubleVector r = fma(n, broadcast(-F::kLn2Low), fma(n, broadcast(-F::kLn2High), x));
  DoubleVector p = wide_polynomial(r, 2.5005098265894325e-08, 2.763051556718983e-07, 2.755757168334125e-06,
                                   2.480149240701698e-05, 0.0001984126952147688, 0.0013888888944228856,
                                   0.008333333333488452, 0.041666666666528254, 0.1666666666666642, 0.5000000000000011);
  DoubleVector value = fma(r * r, p, r) + 1.0;
#if defined(__AVX512F__)
  return _mm512_scalef_pd(value, n);
#else
  // In two steps, so that results reach into the subnormal range.
  BitVector bits = (BitVector)shifted - bit_cast<u64>(F::kMagic), half = ((bits + 4096) >> 1) - 2048;
  auto power = [](BitVector e) { return (DoubleVector)((e + F::kBias) << F::kMantissa); };
  return value * power(half) * power(bits - half);
#endif
}

// log(x) within 2 ulp of double, for normal x > 0 and 0.
inline DoubleVector full_log(DoubleVector x) {
  using F = FloatBits<double>;
  WideLogParts parts = wide_split(x);
  DoubleVector f = parts.f, half_square = 0.5 * f * f, s = f / (f + 2.0), z = s * s;
  DoubleVector p = wide_polynomial(z, 0.14796547713315258, 0.1531399491779368, 0.1818356633006358, 0.22222198538084098,
                                   0.2857142874269501, 0.3999999999941344, 0.6666666666666735);
  DoubleVector tail = fma(s, fma(z, p, half_square), parts.e * F::kLn2Low) - half_square;
  return fma(parts.e, broadcast(F::kLn2High), f + tail);
}

#if defined(__AVX512F__)
inline DoubleVector double_log(DoubleVector x) { return full_log(x); }

// Zeros are put in place: processors take a hundred cycles to compute a result below the normal range.
inline DoubleVector double_exp(DoubleVector x) {
  using F = FloatBits<double>;
  __mmask8 below = _mm512_cmp_pd_mask(x, broadcast(F::kExpMin), _CMP_LT_OQ);
  DoubleVector inside = _mm512_mask_mov_pd(_mm512_min_pd(broadcast(F::kExpMax), x), below, DoubleVector{});
  return _mm512_mask_mov_pd(full_exp(inside), below, DoubleVector{});
}
#endif

}  // namespace pyflame::cpu::PYFLAME_TIER
