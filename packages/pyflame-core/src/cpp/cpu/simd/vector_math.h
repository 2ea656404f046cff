// Functions of whole float vectors, for loops that hold their values in registers. The same polynomials as math.h;
// each stays within 2.5 ulp of the true value, gelu within 4 ulp of the larger of its two terms.
#pragma once
#include "cpu/simd/float_bits.h"
#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

typedef int IntVector __attribute__((vector_size(kVectorBytes)));

// The larger, or smaller, of x and a bound; NaN passes through.
inline FloatVector at_least(FloatVector x, float bound) {
  FloatVector low = broadcast(bound);
#if defined(__AVX512F__)
  return _mm512_max_ps(low, x);
#elif defined(__AVX2__)
  return _mm256_max_ps(low, x);
#else
  return x < low ? low : x;
#endif
}
inline FloatVector at_most(FloatVector x, float bound) {
  FloatVector high = broadcast(bound);
#if defined(__AVX512F__)
  return _mm512_min_ps(high, x);
#elif defined(__AVX2__)
  return _mm256_min_ps(high, x);
#else
  return x > high ? high : x;
#endif
}

inline FloatVector magnitude(FloatVector x) { return (FloatVector)((IntVector)x & 0x7fffffff); }
inline FloatVector copy_sign(FloatVector x, FloatVector sign) {
  return (FloatVector)(((IntVector)x & 0x7fffffff) | ((IntVector)sign & static_cast<int>(0x80000000u)));
}

inline FloatVector vector_polynomial(FloatVector x, FloatVector sum) { return sum; }
template <class... Rest>
inline FloatVector vector_polynomial(FloatVector x, FloatVector sum, float next, Rest... rest) {
  return vector_polynomial(x, fma(sum, x, broadcast(next)), rest...);
}

// value * 2^n for whole n, into the subnormal range.
inline FloatVector scale_by(FloatVector value, FloatVector n, IntVector bits) {
#if defined(__AVX512F__)
  return _mm512_scalef_ps(value, n);
#else
  IntVector half = bits >> 1;
  return value * (FloatVector)((half + 127) << 23) * (FloatVector)((bits - half + 127) << 23);
#endif
}

// exp(r) - 1 for |r| <= ln(2) / 2.
inline FloatVector expm1_of_rest(FloatVector r) {
  FloatVector p = vector_polynomial(r, broadcast(0.001381425536f), 0.008368857205f, 0.04166840389f, 0.1666651964f,
                                    0.4999999404f);
  return fma(r * r, p, r);
}

struct Scaled {
  FloatVector value, n;  // stands for value * 2^n
  IntVector bits;        // n as integers
};
inline Scaled scaled_exp(FloatVector x) {
  using F = FloatBits<float>;
  FloatVector shifted = fma(x, broadcast(1.4426950408889634f), broadcast(F::kMagic));
  FloatVector n = shifted - F::kMagic;
  FloatVector r = fma(n, broadcast(-F::kLn2Low), fma(n, broadcast(-F::kLn2High), x));
  return {expm1_of_rest(r) + 1.0f, n, (IntVector)shifted - static_cast<int>(0x4b400000u)};  // less that of kMagic
}

// For x within [-104.5, 89], where the result is neither zero nor infinite for lack of range.
inline FloatVector exp_in_range(FloatVector x) {
  Scaled parts = scaled_exp(x);
  return scale_by(parts.value, parts.n, parts.bits);
}

inline FloatVector vector_exp2(FloatVector x) {
  using F = FloatBits<float>;
  x = at_most(at_least(x, F::kExp2Min), F::kExp2Max);
  FloatVector shifted = x + F::kMagic, n = shifted - F::kMagic, r = (x - n) * 0.6931471805599453f;
  return scale_by(expm1_of_rest(r) + 1.0f, n, (IntVector)shifted - static_cast<int>(0x4b400000u));
}

// For x <= 89 or NaN. Zeros are put in place, not computed: a vector with a result below the normal range takes x86
// processors the time of twenty others, and masked scores of attention are -inf.
inline FloatVector exp_below_overflow(FloatVector x) {
  const FloatVector low = broadcast(FloatBits<float>::kExpMin);
#if defined(__AVX512F__)
  Scaled parts = scaled_exp(x);
  return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(x, low, _CMP_NLT_UQ), parts.value, parts.n);
#else
  FloatVector result = exp_in_range(x < low ? FloatVector{} : x);
  return x < low ? FloatVector{} : result;
#endif
}

inline FloatVector vector_exp(FloatVector x) { return exp_below_overflow(at_most(x, FloatBits<float>::kExpMax)); }

inline FloatVector vector_sigmoid(FloatVector x) {
  FloatVector e = exp_below_overflow(-magnitude(x));
  return (x < 0.0f ? e : broadcast(1.0f)) / (e + 1.0f);
}

// With e = exp(2 |x|) - 1, e / (e + 2); near 0, where a sum with 2 costs half a unit, the series.
inline FloatVector vector_tanh(FloatVector x) {
  using F = FloatBits<float>;
  FloatVector a = at_most(magnitude(x), 20.0f), z = x * x;
  FloatVector shifted = fma(a, broadcast(2.885390082f), broadcast(F::kMagic)), n = shifted - F::kMagic;
  FloatVector r = fma(n, broadcast(-F::kLn2Low), fma(n, broadcast(-F::kLn2High), a + a));
  FloatVector power = scale_by(broadcast(1.0f), n, (IntVector)shifted - static_cast<int>(0x4b400000u));
  FloatVector e = fma(power, expm1_of_rest(r), power - 1.0f);
  FloatVector small = fma(x * z, fma(z, broadcast(0.13333333f), broadcast(-0.33333333f)), x);
  return copy_sign(a < 0.1f ? small : e / (e + 2.0f), x);
}

inline FloatVector vector_erf(FloatVector x) {
  FloatVector a = magnitude(x), s = x * x;
  FloatVector small = vector_polynomial(s, broadcast(8.316774620e-05f), -8.130012429e-04f, 5.199906882e-03f,
                                        -2.685894072e-02f, 1.128368750e-01f, -3.761263192e-01f, 1.283791661e-01f);
  FloatVector t = at_most(a, 4.0f);  // erf(3.92) rounds to 1
  FloatVector q = vector_polynomial(t, broadcast(1.152264940e-05f), -3.256546547e-04f, 3.653766820e-03f,
                                    -2.378534339e-02f, 1.062631309e-01f, 6.351359487e-01f, 1.286521554e-01f);
  FloatVector large = 1.0f - exp_in_range(-fma(t, q, t));
  return a < 0.92f ? fma(x, small, x) : copy_sign(large, x);
}

// x = 2^e * (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1); where x is not positive and finite, e says what a logarithm is.
struct VectorLogParts {
  FloatVector e, f;
};

inline VectorLogParts vector_split_mantissa(FloatVector x) {
#if defined(__AVX512F__)
  FloatVector e = _mm512_getexp_ps(x), m = _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan);
  __mmask16 upper = _mm512_cmp_ps_mask(m, broadcast(1.41421356f), _CMP_GE_OQ);
  e = _mm512_mask_add_ps(e, upper, e, broadcast(1.0f));
  return {e, _mm512_mask_mul_ps(m, upper, m, broadcast(0.5f)) - 1.0f};
#else
  using F = FloatBits<float>;
  constexpr int kHalf = static_cast<int>(F::kSqrtHalf), kOne = 127 << 23;
  IntVector tiny = x < F::kTiny;
  IntVector bits = (IntVector)(tiny ? x * F::kTinyScale : x);
  IntVector exponent = ((bits - kHalf + kOne) >> 23) - 127;
  FloatVector f = (FloatVector)(bits - (exponent << 23)) - 1.0f;
  FloatVector e = __builtin_convertvector(exponent + (tiny & -F::kTinyShift), FloatVector);
  FloatVector limit = x > 0.0f ? x : x == 0.0f ? broadcast(-infinity<float>()) : broadcast(quiet_nan<float>());
  return {((x > 0.0f) & (x < infinity<float>())) ? e : limit, f};
#endif
}

// log(1 + f) - f + extra.
inline FloatVector vector_log_tail(FloatVector f, FloatVector extra) {
  FloatVector q = vector_polynomial(f, broadcast(0.06745673716f), -0.1167486086f, 0.1188817099f, -0.1240572333f,
                                    0.1421957016f, -0.1666798899f, 0.2000211775f, -0.2500000894f, 0.3333331347f);
  return fma(f * f * f, q, extra) - 0.5f * f * f;
}

inline FloatVector vector_log(FloatVector x) {
  using F = FloatBits<float>;
  VectorLogParts parts = vector_split_mantissa(x);
  FloatVector tail = vector_log_tail(parts.f, parts.e * F::kLn2Low);
  return fma(parts.e, broadcast(F::kLn2High), parts.f + tail);
}

inline FloatVector vector_log2(FloatVector x) {
  VectorLogParts parts = vector_split_mantissa(x);
  FloatVector tail = vector_log_tail(parts.f, broadcast(0.0f));
  return parts.e + (parts.f + fma(parts.f + tail, broadcast(0.4426950408889634f), tail));
}

#if defined(__FMA__) || defined(__aarch64__)
// What the product with log10(e) and the sum with the exponent's share lose is added to the tail, so that powers of ten
// are exact.
inline FloatVector vector_log10(FloatVector x) {
  constexpr float kHigh = 0x1.bcb7b2p-2f, kLow = -0x1.5b235ep-27f;             // log10(e)
  constexpr float kTwoHigh = 0x1.344p-2f, kTwoLow = 0x1.3509f8p-18f;          // log10(2); high times an exponent is exact
  VectorLogParts parts = vector_split_mantissa(x);
  FloatVector f = parts.f, tail = vector_log_tail(f, broadcast(0.0f));
  FloatVector exponent = parts.e * kTwoHigh, product = f * kHigh, sum = exponent + product;
  FloatVector lost = fma(f, broadcast(kHigh), -product) + ((exponent - sum) + product);
  FloatVector rest = fma(tail, broadcast(kHigh), fma(f, broadcast(kLow), fma(parts.e, broadcast(kTwoLow), lost)));
  return (parts.e - parts.e) == 0.0f ? sum + rest : parts.e + f;
}
#endif

// One form of erf for all x, because 1 is added to it: 1 - exp(-t p(t)), within 1.6e-8 beside the rounding.
inline FloatVector vector_gelu(FloatVector x) {
  FloatVector t = at_most(magnitude(x * 0.7071067811865476f), 4.0f);
  FloatVector p = vector_polynomial(t, broadcast(3.144013317e-05f), -3.088017984e-04f, 1.032400061e-03f, 5.369364517e-04f,
                                    -1.958396286e-02f, 1.029196158e-01f, 6.365977526e-01f, 1.128380299f);
  FloatVector erf = copy_sign(1.0f - exp_in_range(-(t * p)), x);
  return x * 0.5f * (erf + 1.0f);
}

}  // namespace pyflame::cpu::PYFLAME_TIER
