// Hyperbolic functions and their inverses, by way of the exponentials and logarithms of math.h, within 4 ulp of the true
// value. What stands for double alone is written for floats in wide_forms.h; asinh and acosh of floats are computed in
// double.
#pragma once
#include "cpu/simd/math.h"

namespace pyflame::cpu::PYFLAME_TIER {

inline constexpr double kLogTwo = 0.6931471805599453;

// exp(a) / 2 where exp(a) itself may overflow.
inline double half_exp(double a) {
  double root = vexp(a * 0.5);
  return root * 0.5 * root;
}

inline double vsinh(double x) {
  double a = abs_bits(x), e = vexpm1(a);
  return with_sign_of(a < 700.0 ? 0.5 * (e + e / (e + 1.0)) : half_exp(a), x);
}

inline double vcosh(double x) {
  double a = abs_bits(x), e = vexp(a);
  return a < 700.0 ? fma(0.5, e, 0.5 / e) : half_exp(a);
}

template <class T>
inline T vasinh(T x) {
  double a = abs_bits(static_cast<double>(x)), square = a * a;
  bool large = a > 0x1p28;
  double y = vlog1p(large ? a - 1.0 : a + square / (1.0 + std::sqrt(1.0 + square)));
  return with_sign_of(static_cast<T>(large ? y + kLogTwo : y), x);
}

template <class T>
inline T vacosh(T x) {
  double a = x, t = a - 1.0;
  bool large = a > 0x1p28;
  double y = vlog1p(large ? t : t + std::sqrt(t < 0.0 ? t : t * (t + 2.0)));  // NaN below 1
  return static_cast<T>(large ? y + kLogTwo : y);
}

inline double vatanh(double x) {
  double a = abs_bits(x);
  return with_sign_of(0.5 * vlog1p(2.0 * a / (1.0 - a)), x);
}

}  // namespace pyflame::cpu::PYFLAME_TIER
