// Circular functions and their inverses as straight-line code, polynomials (minimax fits) around the multiples of a
// right angle. float stays within 2 ulp of the true value, tan and double within 3.
#pragma once
#include "cpu/simd/math.h"

namespace pyflame::cpu::PYFLAME_TIER {

template <class T>
struct Circle;

// Parts of pi / 2 whose sum is exact beyond T: with FMA the first three, where float is reduced in double without it.
template <>
struct Circle<float> {
  static constexpr float kLargest = 0x1p16f;  // from this angle on, the library is asked
  static constexpr float kHalfPi1 = 0x1.921fb6p+0f, kHalfPi2 = -0x1.777a5cp-25f, kHalfPi3 = -0x1.ee59dap-50f;
  static constexpr float kPiHigh = 0x1.921fb6p+1f, kPiLow = -0x1.777a5cp-24f;
};

// Here the first two parts are short: their products with whole numbers below 2^20 are exact without FMA too.
template <>
struct Circle<double> {
  static constexpr double kLargest = 0x1p20;
  static constexpr double kHalfPi1 = 0x1.921fb544p+0, kHalfPi2 = 0x1.0b4611a6p-34, kHalfPi3 = 0x1.3198a2e037073p-69;
  static constexpr double kPiHigh = 0x1.921fb54442d18p+1, kPiLow = 0x1.1a62633145c07p-53;
};

#if defined(__FMA__) || defined(__aarch64__)
template <class T>
using AngleType = T;
#else
template <class T>
using AngleType = double;
#endif

// x = r + turns * pi / 2, r within pi / 4 of 0.
template <class T>
struct Quadrant {
  T r;
  typename FloatBits<T>::Uint turns;
};

template <class T>
inline Quadrant<T> reduce_angle(T x) {
  using F = FloatBits<T>;
  using C = Circle<T>;
  T shifted = fma(x, T(0.6366197723675814), F::kMagic);
  T n = shifted - F::kMagic;
  T r = fma(-n, C::kHalfPi3, fma(-n, C::kHalfPi2, fma(-n, C::kHalfPi1, x)));
  return {r, bit_cast<typename F::Uint>(shifted)};
}

template <class T>
inline T sin_of_reduced(T r) {
  T z = r * r, p;
  if constexpr (sizeof(T) == 4) {
    p = polynomial(z, -0.0001951472218f, 0.008332159648f, -0.1666665466f);
  } else {
    p = polynomial(z, 1.5896795184184536e-10, -2.5050758108689316e-8, 2.7557313691890462e-6, -0.000198412698298078,
                   0.0083333333333224138, -0.16666666666666632);
  }
  return fma(r * z, p, r);
}

template <class T>
inline T cos_of_reduced(T r) {
  T z = r * r, p;
  if constexpr (sizeof(T) == 4) {
    p = polynomial(z, 2.443557158e-5f, -0.001388734324f, 0.04166664639f);
  } else {
    p = polynomial(z, -1.1359647840524947e-11, 2.0875723274928596e-9, -2.7557314352353125e-7, 2.4801587289482282e-5,
                   -0.0013888888888874124, 0.041666666666666599);
  }
  return fma(z * z, p, fma(z, T(-0.5), T(1)));
}

// The sine `turns` quarters of a circle from r.
template <class T>
inline T sin_in_quadrant(T r, typename FloatBits<T>::Uint turns) {
  using F = FloatBits<T>;
  T value = turns & 1 ? cos_of_reduced(r) : sin_of_reduced(r);
  return bit_cast<T>(bit_cast<typename F::Uint>(value) ^ ((turns & 2) * (F::kSign / 2)));
}

template <class T>
inline T vsin(T x) {
  Quadrant<AngleType<T>> q = reduce_angle(AngleType<T>(x));
  return x == T(0) ? x : static_cast<T>(sin_in_quadrant(q.r, q.turns));  // -0 stays
}

template <class T>
inline T vcos(T x) {
  Quadrant<AngleType<T>> q = reduce_angle(AngleType<T>(x));
  return static_cast<T>(sin_in_quadrant(q.r, q.turns + 1));
}

template <class T>
inline T vtan(T x) {
  Quadrant<AngleType<T>> q = reduce_angle(AngleType<T>(x));
  AngleType<T> s = sin_of_reduced(q.r), c = cos_of_reduced(q.r);
  bool odd = q.turns & 1;
  return x == T(0) ? x : static_cast<T>((odd ? -c : s) / (odd ? s : c));
}

// atan(t) - t for |t| <= tan(pi / 8).
template <class T>
inline T atan_tail(T t) {
  T z = t * t, p;
  if constexpr (sizeof(T) == 4) {
    p = polynomial(z, -0.06081163654f, 0.105951434f, -0.1424373928f, 0.1999848402f, -0.3333331542f);
  } else {
    p = polynomial(z, 0.015195461550083696, -0.03347478573045205, 0.045035646489406575, -0.052184084060162673,
                   0.058770224652755318, -0.066662268300156647, 0.076922827638948855, -0.090909081447744472,
                   0.11111111088185028, -0.14285714285388131, 0.1999999999999767, -0.33333333333333328);
  }
  return t * z * p;
}

// atan(y / x) for magnitudes, not both zero or infinite, in three parts around 0, 45 and 90 degrees.
template <class T>
inline T angle_of(T y, T x) {
  using C = Circle<T>;
  constexpr T kLow = T(0.41421356237309503), kHigh = T(2.414213562373095);  // tan(pi / 8), tan(3 pi / 8)
  bool low = y <= kLow * x, middle = y <= kHigh * x;
  T t = (low ? y : middle ? y - x : -x) / (low ? x : middle ? y + x : y);
  T high = low ? T(0) : middle ? C::kPiHigh / 4 : C::kPiHigh / 2;
  T rest = low ? T(0) : middle ? C::kPiLow / 4 : C::kPiLow / 2;
  return high + (t + (rest + atan_tail(t)));
}

template <class T>
inline T vatan(T x) {
  return with_sign_of(angle_of(abs_bits(x), T(1)), x);
}

inline double vatan2(double y, double x) {
  using C = Circle<double>;
  double a = abs_bits(y), b = abs_bits(x);
  bool zero = (a == 0.0) & (b == 0.0), endless = (a == infinity<double>()) & (b == infinity<double>());
  double factor = (a > 0x1p1000) | (b > 0x1p1000) ? 0x1p-600 : 1.0;  // for sums of the two
  a = endless ? 1.0 : a * factor;
  b = zero | endless ? 1.0 : b * factor;
  double angle = angle_of(a, b), other = C::kPiHigh - (angle - C::kPiLow);
  return with_sign_of(bit_cast<u64>(x) >> 63 ? other : angle, y);
}

// asin(s) - s for |s| <= 1 / 2 and z = s^2.
template <class T>
inline T asin_tail(T s, T z) {
  T p;
  if constexpr (sizeof(T) == 4) {
    p = polynomial(z, 0.04221824702f, 0.02414779187f, 0.04547706226f, 0.07495242004f, 0.1666675393f);
  } else {
    p = polynomial(z, 0.032676865130552159, -0.021077256848446385, 0.021763476474914413, 0.0036830506227750906,
                   0.010786526847608831, 0.011397776390127427, 0.01398096139689673, 0.017351600097380454,
                   0.022372215659890608, 0.030381942683638224, 0.044642857175120139, 0.074999999999702632,
                   0.16666666666666762);
  }
  return s * z * p;
}

// Beyond 1 / 2 by way of the half angle: asin(a) = pi / 2 - 2 asin(sqrt((1 - a) / 2)).
template <class T>
inline T vasin(T x) {
  using C = Circle<T>;
  T a = abs_bits(x);
  bool outer = a > T(0.5);
  T z = outer ? (T(1) - a) * T(0.5) : a * a, s = outer ? std::sqrt(z) : a, tail = asin_tail(s, z);
  T wide = C::kPiHigh / 2 - (T(2) * s - (C::kPiLow / 2 - T(2) * tail));
  return with_sign_of(outer ? wide : s + tail, x);
}

template <class T>
inline T vacos(T x) {
  using C = Circle<T>;
  T a = abs_bits(x);
  bool outer = a > T(0.5), negative = x < T(0);
  T z = outer ? (T(1) - a) * T(0.5) : a * a, s = outer ? std::sqrt(z) : x, tail = asin_tail(s, z);
  T near_right = C::kPiHigh / 2 - (s - (C::kPiLow / 2 - tail));
  T half = s + tail, far = C::kPiHigh - (T(2) * half - C::kPiLow);
  return outer ? (negative ? far : T(2) * half) : near_right;
}

}  // namespace pyflame::cpu::PYFLAME_TIER
