// Hyperbolic functions and their inverses, and functions that follow from the error function, by way of the exponentials
// and logarithms of math.h. float is computed in double and stays within 1 ulp of the true value, double within 4.
#pragma once
#include "cpu/simd/math.h"
#include "cpu/special.h"

namespace pyflame::cpu::PYFLAME_TIER {

inline constexpr double kLogTwo = 0.6931471805599453;

// exp(a) / 2 where exp(a) itself may overflow.
inline double half_exp(double a) {
  double root = vexp(a * 0.5);
  return root * 0.5 * root;
}

template <class T>
inline T vsinh(T x) {
  double a = abs_bits(static_cast<double>(x)), e = vexpm1(a);
  return with_sign_of(static_cast<T>(a < 700.0 ? 0.5 * (e + e / (e + 1.0)) : half_exp(a)), x);
}

template <class T>
inline T vcosh(T x) {
  double a = abs_bits(static_cast<double>(x)), e = vexp(a);
  return static_cast<T>(a < 700.0 ? fma(0.5, e, 0.5 / e) : half_exp(a));
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
  double y = vlog1p(large ? t : t + std::sqrt(t * (t + 2.0)));
  return static_cast<T>(large ? y + kLogTwo : y);
}

template <class T>
inline T vatanh(T x) {
  double a = abs_bits(static_cast<double>(x));
  return with_sign_of(static_cast<T>(0.5 * vlog1p(2.0 * a / (1.0 - a))), x);
}

// exp(-a^2) times a polynomial (minimax fit) in (a - 3) / (a + 3).
inline float verfc(float x) {
  double a = clamp(static_cast<double>(abs_bits(x)), 0.0, 10.1);  // erfc(10.1) rounds to 0
  double p = polynomial((a - 3.0) / (a + 3.0), 5.5863482908944326e-5, 2.8757288806159127e-5, -0.00059462606947491689,
                        0.00071578685968495854, 0.0042689191676106745, -0.024394238242499949, 0.071665855876048611,
                        -0.15011578167987797, 0.24560379806173183, -0.32623356382531099, 0.17900115126022734);
  double y = vexp(-a * a) * p;
  return static_cast<float>(x < 0.0f ? 2.0 - y : y);
}
inline double verfc(double x) { return std::erfc(x); }

// x times a polynomial (minimax fit) in w = -log(1 - x^2), or in its root.
inline float verfinv(float x) {
  double a = x, w = -vlog((1.0 - a) * (1.0 + a)), root = std::sqrt(w);
  double near = polynomial(w, 3.3551696120072222e-10, -1.7160745070396471e-8, 3.0979021892134602e-7,
                           -2.4978389184137168e-6, 5.8354690388844365e-6, 4.0487148122669634e-5,
                           -0.00012200310068452703, -0.0023385402530087277, 0.011550335406720065, 0.23201355602441109,
                           0.88622692745147382);
  double far = polynomial(root, -2.9219193373485547e-5, 0.0010369156887548236, -0.016440964345596282,
                          0.15317288915563019, -0.92673850804452403, 3.7932929790234069, -10.587239152708557,
                          19.736871367777681, -23.173214211794284, 16.000588449736035, -3.9210266047365643);
  double y = w < 5.0 ? a * near : a * far;
  return static_cast<float>(abs_bits(a) == 1.0 ? with_sign_of(infinity<double>(), a) : y);
}
inline double verfinv(double x) { return special_erfinv(x); }

}  // namespace pyflame::cpu::PYFLAME_TIER
