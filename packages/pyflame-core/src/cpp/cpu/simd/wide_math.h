// Functions of float computed in vectors of double: exponentials and logarithms to 2^-39, which leaves float results
// within half a unit and a bit. What float can hold is in the normal range of double, so no step needs care for that.
#pragma once
#include "cpu/simd/lane_ops.h"

namespace pyflame::cpu::PYFLAME_TIER {

typedef float HalfVector __attribute__((vector_size(kVectorBytes / 2), aligned(4), may_alias));
typedef u64 BitVector __attribute__((vector_size(kVectorBytes)));

// GCC would convert halves of a vector and put them together.
inline DoubleVector load_wide(const float* p) {
#if defined(__AVX512F__)
  return _mm512_cvtps_pd(_mm256_loadu_ps(p));
#else
  return __builtin_convertvector(*reinterpret_cast<const HalfVector*>(p), DoubleVector);
#endif
}
inline void store_wide(float* p, DoubleVector v) {
#if defined(__AVX512F__)
  _mm256_storeu_ps(p, _mm512_cvtpd_ps(v));
#else
  *reinterpret_cast<HalfVector*>(p) = __builtin_convertvector(v, HalfVector);
#endif
}

// The first `count` lanes; the others are 1.
inline DoubleVector load_wide(const float* p, i64 count) {
  float values[kWidth<double>];
  for (i64 i = 0; i < kWidth<double>; ++i) values[i] = i < count ? p[i] : 1.0f;
  return load_wide(values);
}
inline void store_wide(float* p, DoubleVector v, i64 count) {
  float values[kWidth<double>];
  store_wide(values, v);
  for (i64 i = 0; i < count; ++i) p[i] = values[i];
}

inline bool any_lane(LongVector mask) {
#if defined(__AVX512F__)
  return _mm512_movepi64_mask((__m512i)mask) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_pd((__m256d)mask) != 0;
#else
  i64 any = 0;
  for (int i = 0; i < kWidth<double>; ++i) any |= mask[i];
  return any != 0;
#endif
}

// Coefficients from the highest power down. Even and odd powers are added up apart: one chain of multiply-adds would
// leave the units waiting for most of its length.
template <class... C>
inline DoubleVector wide_polynomial(DoubleVector x, C... coefficients) {
  constexpr int n = sizeof...(C);
  const double c[] = {coefficients...};
  DoubleVector z = x * x, first = broadcast(c[0]), second = broadcast(c[1]);
  for (int i = 2; i + 1 < n; i += 2) {
    first = fma(first, z, broadcast(c[i]));
    second = fma(second, z, broadcast(c[i + 1]));
  }
  if constexpr (n % 2 == 0) return fma(first, x, second);
  return fma(second, x, fma(first, z, broadcast(c[n - 1])));
}

inline DoubleVector wide_magnitude(DoubleVector x) { return (DoubleVector)((LongVector)x & 0x7fffffffffffffff); }
inline DoubleVector wide_sign(DoubleVector magnitude, DoubleVector x) {
  constexpr i64 kRest = 0x7fffffffffffffff;
  return (DoubleVector)(((LongVector)magnitude & kRest) | ((LongVector)x & ~kRest));
}
// NaN passes through.
inline DoubleVector wide_clamp(DoubleVector x, double low, double high) {
  DoubleVector l = broadcast(low), h = broadcast(high);
#if defined(__AVX512F__)
  return _mm512_min_pd(h, _mm512_max_pd(l, x));
#elif defined(__AVX2__)
  return _mm256_min_pd(h, _mm256_max_pd(l, x));
#else
  x = x < l ? l : x;
  return x > h ? h : x;
#endif
}

// 1 / x to 2^-27 for finite x other than 0.
inline DoubleVector near_reciprocal(DoubleVector x) {
#if defined(__AVX512F__)
  DoubleVector estimate = _mm512_rcp14_pd(x);
  return fma(estimate, fma(-x, estimate, broadcast(1.0)), estimate);
#else
  return 1.0 / x;
#endif
}

// exp(x) for |x| <= 700.
inline DoubleVector wide_exp(DoubleVector x) {
  using F = FloatBits<double>;
  DoubleVector shifted = fma(x, broadcast(1.4426950408889634), broadcast(F::kMagic));
  DoubleVector n = shifted - F::kMagic, r = fma(n, broadcast(-0.6931471805599453), x);
  DoubleVector p = wide_polynomial(r, 2.4887634134686018e-5, 0.00019909244506563943, 0.0013888796375162029,
                                   0.008333281270453827, 0.041666667054465851, 0.16666666786626013,
                                   0.49999999999519287);
  DoubleVector value = fma(r * r, p, r) + 1.0;
#if defined(__AVX512F__)
  return _mm512_scalef_pd(value, n);
#else
  return (DoubleVector)((BitVector)value + ((BitVector)shifted << F::kMantissa));
#endif
}

// x = 2^e * (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1); where x is not positive and finite, e says what a logarithm is.
struct WideLogParts {
  DoubleVector e, f;
};

inline WideLogParts wide_split(DoubleVector x) {
#if defined(__AVX512F__)
  DoubleVector e = _mm512_getexp_pd(x), m = _mm512_getmant_pd(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan);
  __mmask8 upper = _mm512_cmp_pd_mask(m, broadcast(1.4142135623730951), _CMP_GE_OQ);
  e = _mm512_mask_add_pd(e, upper, e, broadcast(1.0));
  return {e, _mm512_mask_mul_pd(m, upper, m, broadcast(0.5)) - 1.0};
#else
  using F = FloatBits<double>;
  constexpr u64 kUnit = (F::kBias + F::kMantissa) << F::kMantissa;
  BitVector bits = (BitVector)x;
  BitVector biased = (bits - F::kSqrtHalf + (F::kBias << F::kMantissa)) >> F::kMantissa;
  DoubleVector f = (DoubleVector)(bits - ((biased - F::kBias) << F::kMantissa)) - 1.0;
  // Through the low mantissa bits, as AVX2 has no conversion from 64-bit integers.
  DoubleVector e = (DoubleVector)(biased | kUnit) - (bit_cast<double>(kUnit) + static_cast<double>(F::kBias));
  DoubleVector limit = x == 0.0 ? broadcast(-infinity<double>()) : x > 0.0 ? x : broadcast(quiet_nan<double>());
  LongVector usual = (x > 0.0) & (x < infinity<double>());
  return {usual ? e : limit, usual ? f : DoubleVector{}};
#endif
}

inline DoubleVector wide_log_of(WideLogParts parts) {
  DoubleVector f = parts.f;
  DoubleVector p = wide_polynomial(f, 0.045037648639757214, -0.086673027054480673, 0.087293808357548582,
                                   -0.082623279051627886, 0.089494295928726713, -0.099932717943383773,
                                   0.11120233398733362, -0.12500766802171604, 0.14285412283980764, -0.16666640285067504,
                                   0.20000004866282555, -0.25000000339366932, 0.33333333302864561, -0.49999999998841858,
                                   1.0000000000003249);
  return fma(parts.e, broadcast(0.6931471805599453), f * p);
}
inline DoubleVector wide_log(DoubleVector x) { return wide_log_of(wide_split(x)); }

// log(1 + f), exact beside f where f is small, which leaves e at 0.
inline DoubleVector wide_log1p(DoubleVector f) {
  WideLogParts parts = wide_split(f + 1.0);
  return wide_log_of({parts.e, wide_magnitude(f) < 0.29 ? f : parts.f});
}

}  // namespace pyflame::cpu::PYFLAME_TIER
