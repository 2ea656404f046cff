// What the vector math needs to know about float and double: bit layout and splitting constants.
#pragma once
#include <cmath>
#include <cstring>

#include "base/dtype.h"

namespace pyflame::cpu::PYFLAME_TIER {

template <class To, class From>
inline To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

// Without FMA hardware std::fma is a slow library call; two roundings are accurate enough for the polynomials here.
template <class T>
inline T fma(T a, T b, T c) {
#if defined(__FMA__) || defined(__aarch64__)
  if constexpr (sizeof(T) == 4) {
    return __builtin_fmaf(a, b, c);
  } else {
    return __builtin_fma(a, b, c);
  }
#else
  return a * b + c;
#endif
}

template <class T>
struct FloatBits;

template <>
struct FloatBits<float> {
  using Int = std::int32_t;
  using Uint = u32;
  static constexpr int kMantissa = 23;
  static constexpr Uint kBias = 127;
  static constexpr Uint kSign = 0x80000000u;
  static constexpr Uint kInf = 0x7f800000u;
  static constexpr Uint kSqrtHalf = 0x3f3504f3u;
  static constexpr float kMagic = 0x1.8p23f;  // adding it rounds to an integer, held in the low mantissa bits
  static constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;  // high times an exponent is exact
  static constexpr float kExpMax = 89.0f, kExpMin = -104.5f, kExp2Max = 129.0f, kExp2Min = -151.0f;
  static constexpr float kExpm1Min = -20.0f;
  static constexpr float kTiny = 0x1p-126f, kTinyScale = 0x1p24f;
  static constexpr int kTinyShift = 24;
};

template <>
struct FloatBits<double> {
  using Int = i64;
  using Uint = u64;
  static constexpr int kMantissa = 52;
  static constexpr Uint kBias = 1023;
  static constexpr Uint kSign = 0x8000000000000000u;
  static constexpr Uint kInf = 0x7ff0000000000000u;
  static constexpr Uint kSqrtHalf = 0x3fe6a09e667f3bcdu;
  static constexpr double kMagic = 0x1.8p52;
  static constexpr double kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;
  static constexpr double kExpMax = 710.0, kExpMin = -746.0, kExp2Max = 1025.0, kExp2Min = -1080.0;
  static constexpr double kExpm1Min = -40.0;
  static constexpr double kTiny = 0x1p-1022, kTinyScale = 0x1p54;
  static constexpr int kTinyShift = 54;
};

template <class T>
inline T abs_bits(T x) {
  using F = FloatBits<T>;
  return bit_cast<T>(bit_cast<typename F::Uint>(x) & ~F::kSign);
}

template <class T>
inline T with_sign_of(T magnitude, T sign) {
  using F = FloatBits<T>;
  using U = typename F::Uint;
  return bit_cast<T>((bit_cast<U>(magnitude) & ~F::kSign) | (bit_cast<U>(sign) & F::kSign));
}

template <class T>
inline T infinity() {
  return bit_cast<T>(FloatBits<T>::kInf);
}
template <class T>
inline T quiet_nan() {
  using F = FloatBits<T>;
  return bit_cast<T>(F::kInf | (F::kInf >> 1));
}

// Coefficients from the highest power down.
template <class T>
inline T polynomial(T x, T c) {
  return c;
}
template <class T, class... Rest>
inline T polynomial_step(T x, T sum) {
  return sum;
}
template <class T, class... Rest>
inline T polynomial_step(T x, T sum, T next, Rest... rest) {
  return polynomial_step(x, fma(sum, x, next), rest...);
}
template <class T, class... Rest>
inline T polynomial(T x, T first, T second, Rest... rest) {
  return polynomial_step(x, fma(first, x, second), rest...);
}

}  // namespace pyflame::cpu::PYFLAME_TIER
