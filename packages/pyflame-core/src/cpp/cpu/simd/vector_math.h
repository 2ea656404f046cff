// Functions of whole float vectors, for loops that hold their values in registers. The same polynomials as math.h;
// each stays within 2.5 ulp of the true value, gelu within 4 ulp of the larger of its two terms.
#pragma once
#include "cpu/simd/float_bits.h"
#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

typedef int IntVector __attribute__((vector_size(kVectorBytes)));

// The smaller of x and a bound; NaN passes through.
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

struct Scaled {
  FloatVector value, n;  // stands for value * 2^n
  IntVector bits;        // n as integers
};
inline Scaled scaled_exp(FloatVector x) {
  using F = FloatBits<float>;
  FloatVector shifted = fma(x, broadcast(1.4426950408889634f), broadcast(F::kMagic));
  FloatVector n = shifted - F::kMagic;
  FloatVector r = fma(n, broadcast(-F::kLn2Low), fma(n, broadcast(-F::kLn2High), x));
  FloatVector p = vector_polynomial(r, broadcast(0.001381425536f), 0.008368857205f, 0.04166840389f, 0.1666651964f,
                                    0.4999999404f);
  return {fma(r * r, p, r) + 1.0f, n, (IntVector)shifted - static_cast<int>(0x4b400000u)};  // of kMagic
}

// For x within [-104.5, 89], where the result is neither zero nor infinite for lack of range.
inline FloatVector exp_in_range(FloatVector x) {
  Scaled parts = scaled_exp(x);
  return scale_by(parts.value, parts.n, parts.bits);
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

inline FloatVector vector_tanh(FloatVector x) {
  FloatVector a = magnitude(x), z = x * x;
  FloatVector small = vector_polynomial(z, broadcast(-0.00570496032f), 0.02063906007f, -0.05373970419f, 0.13331441581f,
                                        -0.33333280683f);
  FloatVector large = 1.0f - 2.0f / (exp_in_range(2.0f * at_most(a, 20.0f)) + 1.0f);
  return a < 0.625f ? fma(x * z, small, x) : copy_sign(large, x);
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

// The algorithm of log_positive in cpu/simd/math.h.
inline FloatVector vector_log(FloatVector x) {
  using F = FloatBits<float>;
  constexpr int kHalf = static_cast<int>(F::kSqrtHalf), kOne = 127 << 23;
  IntVector tiny = x < F::kTiny;
  IntVector bits = (IntVector)(tiny ? x * F::kTinyScale : x);
  IntVector exponent = ((bits - kHalf + kOne) >> 23) - 127;
  FloatVector f = (FloatVector)(bits - (exponent << 23)) - 1.0f;
  FloatVector e = __builtin_convertvector(exponent + (tiny & -F::kTinyShift), FloatVector);
  FloatVector q = vector_polynomial(f, broadcast(0.06745673716f), -0.1167486086f, 0.1188817099f, -0.1240572333f,
                                    0.1421957016f, -0.1666798899f, 0.2000211775f, -0.2500000894f, 0.3333331347f);
  FloatVector y = fma(f * f * f, q, e * F::kLn2Low) - 0.5f * f * f;
  FloatVector result = fma(e, broadcast(F::kLn2High), f + y);
  FloatVector special = x > 0.0f ? x : x == 0.0f ? broadcast(-infinity<float>()) : broadcast(quiet_nan<float>());
  return ((x > 0.0f) & (x < infinity<float>())) ? result : special;
}

// One form of erf for all x, because 1 is added to it: 1 - exp(-t p(t)), within 1.6e-8 beside the rounding.
inline FloatVector vector_gelu(FloatVector x) {
  FloatVector t = at_most(magnitude(x * 0.7071067811865476f), 4.0f);
  FloatVector p = vector_polynomial(t, broadcast(3.144013317e-05f), -3.088017984e-04f, 1.032400061e-03f, 5.369364517e-04f,
                                    -1.958396286e-02f, 1.029196158e-01f, 6.365977526e-01f, 1.128380299f);
  FloatVector erf = copy_sign(1.0f - exp_in_range(-(t * p)), x);
  return x * 0.5f * (erf + 1.0f);
}

}  // namespace pyflame::cpu::PYFLAME_TIER
