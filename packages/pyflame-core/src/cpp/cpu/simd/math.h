// Exponentials, logarithms and their kin as straight-line scalar code that compilers turn into vector code: every
// branch is a select, every table a polynomial (minimax fits). float stays within 2.3 ulp of the true value,
// double within 3.
#pragma once
#include "cpu/simd/float_bits.h"

namespace pyflame::cpu::PYFLAME_TIER {

// (exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2.
template <class T>
inline T exp_polynomial(T r) {
  if constexpr (sizeof(T) == 4) {
    return polynomial(r, 0.001381425536f, 0.008368857205f, 0.04166840389f, 0.1666651964f, 0.4999999404f);
  } else {
    return polynomial(r, 2.5005098265894325e-08, 2.763051556718983e-07, 2.755757168334125e-06,
                      2.480149240701698e-05, 0.0001984126952147688, 0.0013888888944228856, 0.008333333333488452,
                      0.041666666666528254, 0.1666666666666642, 0.5000000000000011);
  }
}

// 2^n for n within the exponent range of T.
template <class T>
inline T power_of_two(typename FloatBits<T>::Uint n) {
  using F = FloatBits<T>;
  return bit_cast<T>((n + F::kBias) << F::kMantissa);
}

// value * 2^n in two steps, so that results reach into the subnormal range.
template <class T>
inline T scale(T value, typename FloatBits<T>::Uint n) {
  using U = typename FloatBits<T>::Uint;
  U half = ((n + U{4096}) >> 1) - U{2048};
  return value * power_of_two<T>(half) * power_of_two<T>(n - half);
}

template <class T>
struct ExpParts {
  T n, r;  // x = n * ln(2) + r
  typename FloatBits<T>::Uint bits;  // n as an integer
};

template <class T>
inline ExpParts<T> split_exponent(T x) {
  using F = FloatBits<T>;
  using U = typename F::Uint;
  T shifted = fma(x, T(1.4426950408889634), F::kMagic);
  T n = shifted - F::kMagic;
  T r = fma(n, -F::kLn2Low, fma(n, -F::kLn2High, x));
  return {n, r, bit_cast<U>(shifted) - bit_cast<U>(F::kMagic)};
}

// NaN passes through, as both comparisons are false.
template <class T>
inline T clamp(T x, T low, T high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

template <class T>
inline T vexp(T x) {
  using F = FloatBits<T>;
  // Zeros are put in place: x86 processors take a hundred cycles to compute a result below the normal range.
  bool zero = x < F::kExpMin;
  ExpParts<T> parts = split_exponent(zero ? T(0) : x > F::kExpMax ? F::kExpMax : x);
  T r = parts.r, result = scale(fma(r * r, exp_polynomial(r), r) + T(1), parts.bits);
  return zero ? T(0) : result;
}

template <class T>
inline T vexp2(T x) {
  using F = FloatBits<T>;
  using U = typename F::Uint;
  x = clamp(x, F::kExp2Min, F::kExp2Max);
  T shifted = x + F::kMagic;
  T r = (x - (shifted - F::kMagic)) * T(0.6931471805599453);
  return scale(fma(r * r, exp_polynomial(r), r) + T(1), bit_cast<U>(shifted) - bit_cast<U>(F::kMagic));
}

template <class T>
inline T vexpm1(T x) {
  using F = FloatBits<T>;
  ExpParts<T> parts = split_exponent(clamp(x, F::kExpm1Min, F::kExpMax));
  T r = parts.r;
  T small = fma(r * r, exp_polynomial(r), r);
  // 2^n * (small + 1) - 1, halved so that 2^n does not overflow before the result does.
  T power = power_of_two<T>(parts.bits - 1);
  T result = fma(power, small, power - T(0.5)) * T(2);
  return with_sign_of(parts.n == T(0) ? small : result, x);
}

template <class T>
inline T vtanh(T x) {
  T z = x * x, small = fma(x * z, fma(z, T(0.13333333f), T(-0.33333333f)), x);
  T e = vexpm1(T(2) * clamp(abs_bits(x), T(0), T(20)));
  return with_sign_of((sizeof(T) == 4) & (abs_bits(x) < T(0.1)) ? small : e / (e + T(2)), x);
}

template <class T>
inline T vsigmoid(T x) {
  T e = vexp(-abs_bits(x));
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}

// x = 2^e * (1 + f) for finite x > 0, f in [sqrt(1/2) - 1, sqrt(2) - 1).
template <class T>
struct LogParts {
  T e, f;
};

template <class T>
inline LogParts<T> split_mantissa(T x) {
  using F = FloatBits<T>;
  using U = typename F::Uint;
  constexpr int kMantissa = F::kMantissa;
  bool tiny = x < F::kTiny;
  U bits = bit_cast<U>(tiny ? x * F::kTinyScale : x);
  U biased = (bits - F::kSqrtHalf + (F::kBias << kMantissa)) >> kMantissa;
  T f = bit_cast<T>(bits - ((biased - F::kBias) << kMantissa)) - T(1);
  // Through the low mantissa bits, as AVX2 has no conversion from 64-bit integers.
  constexpr U kUnit = (F::kBias + kMantissa) << kMantissa;
  T e = bit_cast<T>(biased | kUnit) - (bit_cast<T>(kUnit) + T(F::kBias)) - (tiny ? T(F::kTinyShift) : T(0));
  return {e, f};
}

// log(1 + f) - f + extra.
template <class T>
inline T log_tail(T f, T extra) {
  T half_square = T(0.5) * f * f;
  if constexpr (sizeof(T) == 4) {
    T q = polynomial(f, 0.06745673716f, -0.1167486086f, 0.1188817099f, -0.1240572333f, 0.1421957016f, -0.1666798899f,
                     0.2000211775f, -0.2500000894f, 0.3333331347f);
    return fma(f * f * f, q, extra) - half_square;
  } else {
    T s = f / (f + T(2)), z = s * s;
    T q = polynomial(z, 0.14796547713315258, 0.1531399491779368, 0.1818356633006358, 0.22222198538084098,
                     0.2857142874269501, 0.3999999999941344, 0.6666666666666735);
    return fma(s, fma(z, q, half_square), extra) - half_square;
  }
}

// log(x) + extra for finite x > 0, extra small beside it.
template <class T>
inline T log_positive(T x, T extra) {
  using F = FloatBits<T>;
  LogParts<T> parts = split_mantissa(x);
  T tail = log_tail(parts.f, fma(parts.e, F::kLn2Low, extra));
  return fma(parts.e, F::kLn2High, parts.f + tail);
}

// What the logarithm of x is where x is not positive and finite.
template <class T>
inline T log_limit(T x) {
  return x == T(0) ? -infinity<T>() : x > T(0) ? x : quiet_nan<T>();
}

template <class T>
inline T vlog(T x) {
  return (x > T(0)) & (x < infinity<T>()) ? log_positive(x, T(0)) : log_limit(x);
}

// Exact for powers of two, whose f is 0.
template <class T>
inline T vlog2(T x) {
  LogParts<T> parts = split_mantissa(x);
  T tail = log_tail(parts.f, T(0));
  T y = parts.e + (parts.f + fma(parts.f + tail, T(0.4426950408889634), tail));  // log2(e) - 1
  return (x > T(0)) & (x < infinity<T>()) ? y : log_limit(x);
}

// As vector_log10 in vector_math.h, where it can be exact for powers of ten.
inline double vlog10(double x) {
#if defined(__FMA__) || defined(__aarch64__)
  constexpr double kHigh = 0x1.bcb7b1526e50ep-2, kLow = 0x1.95355baaafad3p-57;        // log10(e)
  constexpr double kTwoHigh = 0x1.34413509f7000p-2, kTwoLow = 0x1.3fde623e2566bp-43;  // log10(2); high times an exponent is exact
  LogParts<double> parts = split_mantissa(x);
  double f = parts.f, tail = log_tail(f, 0.0);
  double exponent = parts.e * kTwoHigh, product = f * kHigh, sum = exponent + product;
  double lost = fma(f, kHigh, -product) + ((exponent - sum) + product);
  double y = sum + fma(tail, kHigh, fma(f, kLow, fma(parts.e, kTwoLow, lost)));
  return (x > 0.0) & (x < infinity<double>()) ? y : log_limit(x);
#else
  return std::log10(x);
#endif
}

template <class T>
inline T vlog1p(T x) {
  T u = x + T(1);
  T lost = u > T(2) ? T(1) - (u - x) : x - (u - T(1));  // what rounding u dropped
  T limit = u > T(0) ? x : log_limit(u);
  return (u > T(0)) & (u < infinity<T>()) ? with_sign_of(log_positive(u, lost / u), x) : limit;
}

inline float verf(float x) {
  float t = abs_bits(x), s = x * x;
  float small = polynomial(s, 8.316774620e-05f, -8.130012429e-04f, 5.199906882e-03f, -2.685894072e-02f,
                           1.128368750e-01f, -3.761263192e-01f, 1.283791661e-01f);
  t = clamp(t, 0.0f, 4.0f);  // erf(3.92) rounds to 1
  float q = polynomial(t, 1.152264940e-05f, -3.256546547e-04f, 3.653766820e-03f, -2.378534339e-02f, 1.062631309e-01f,
                       6.351359487e-01f, 1.286521554e-01f);
  float large = with_sign_of(1.0f - vexp(-fma(t, q, t)), x);
  return abs_bits(x) < 0.92f ? fma(x, small, x) : large;
}

}  // namespace pyflame::cpu::PYFLAME_TIER
