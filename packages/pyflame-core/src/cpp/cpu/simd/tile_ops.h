// The tile_* helpers of base/elementwise.def: Python's integer and PyTorch's floating semantics, no trap, no
// undefined behaviour. Divisors that are zero integers are reported by the caller before these run.
#pragma once
#include <type_traits>

#include "cpu/simd/error_function.h"
#include "cpu/simd/hyperbolic.h"
#include "cpu/simd/trigonometry.h"
#include "cpu/special.h"
#include "cpu/tile.h"

namespace pyflame::cpu::PYFLAME_TIER {

template <class T>
constexpr bool kIsFloat = std::is_floating_point_v<T>;

template <class T>
inline T tile_abs(T x) {
  if constexpr (kIsFloat<T>) {
    return abs_bits(x);
  } else {
    return x < 0 ? static_cast<T>(-x) : x;
  }
}

// sign(NaN) is 0, as in PyTorch.
template <class T>
inline T tile_sign(T x) {
  return static_cast<T>((x > T(0) ? T(1) : T(0)) - (x < T(0) ? T(1) : T(0)));
}

template <class T>
inline T tile_gelu(T x) {
  return x * T(0.5) * (verf(x * T(0.7071067811865476)) + T(1));
}

template <class T>
inline T tile_floor(T x) {
  if constexpr (kIsFloat<T>) {
    return std::floor(x);
  } else {
    return x;
  }
}
template <class T>
inline T tile_ceil(T x) {
  if constexpr (kIsFloat<T>) {
    return std::ceil(x);
  } else {
    return x;
  }
}
template <class T>
inline T tile_trunc(T x) {
  if constexpr (kIsFloat<T>) {
    return std::trunc(x);
  } else {
    return x;
  }
}
template <class T>
inline T tile_round(T x) {
  if constexpr (kIsFloat<T>) {
    return std::nearbyint(x);  // half to even, the default rounding mode
  } else {
    return x;
  }
}

template <class T>
inline bool tile_isinf(T x) {
  if constexpr (kIsFloat<T>) {
    return abs_bits(x) == infinity<T>();
  } else {
    return false;
  }
}
template <class T>
inline bool tile_isfinite(T x) {
  if constexpr (kIsFloat<T>) {
    return abs_bits(x) < infinity<T>();
  } else {
    return true;
  }
}
template <class T>
inline bool tile_signbit(T x) {
  if constexpr (kIsFloat<T>) {
    return (bit_cast<typename FloatBits<T>::Uint>(x) & FloatBits<T>::kSign) != 0;
  } else {
    return x < 0;
  }
}

template <class T>
inline T tile_not(T x) {
  if constexpr (std::is_same_v<T, Bool>) {
    return Bool(x == 0);
  } else {
    return static_cast<T>(~x);
  }
}

template <class T>
inline T tile_max(T a, T b) {
  return (a > b) | (a != a) ? a : b;
}
template <class T>
inline T tile_min(T a, T b) {
  return (a < b) | (a != a) ? a : b;
}

// Of integers, towards zero; -a divided by -1 wraps. Through floating point, which has vectors for it: a quotient that is
// not whole is 1 / b or more away from a whole number, and rounding moves it by less while a and b are exact.
template <class T>
inline T whole_quotient(T a, T b) {
  using Real = std::conditional_t<(sizeof(T) > 2), double, float>;
  using Whole = std::conditional_t<(sizeof(T) > 4), i64, std::int32_t>;
  return static_cast<T>(b == -1 ? -a : static_cast<Whole>(static_cast<Real>(a) / static_cast<Real>(b)));
}

// The quotient is rounded to a neighbour at most: the remainder is exact in double, one divisor too low at times.
inline float small_fmod(float a, float b) {
  double dividend = abs_bits(a), divisor = abs_bits(b);
  double mod = fma(-std::trunc(dividend / divisor), divisor, dividend);
  return with_sign_of(static_cast<float>(mod < 0.0 ? mod + divisor : mod), a);
}

// The quotient may be rounded up to the next whole number; the remainder of either is exact.
inline double small_fmod(double a, double b) {
  double divisor = abs_bits(b), mod = fma(-std::trunc(abs_bits(a) / divisor), divisor, abs_bits(a));
  return with_sign_of(mod < 0.0 ? mod + divisor : mod, a);
}

// Without FMA hardware remainders of double are the library's.
#if defined(__FMA__) || defined(__aarch64__)
template <class T>
constexpr bool kSmallFmod = kIsFloat<T>;
#else
template <class T>
constexpr bool kSmallFmod = std::is_same_v<T, float>;
#endif

template <class T>
inline T tile_fmod(T a, T b) {
  if constexpr (kSmallFmod<T>) {
    return small_fmod(a, b);
  } else if constexpr (kIsFloat<T>) {
    return std::fmod(a, b);
  } else {
    return static_cast<T>(a - whole_quotient(a, b) * b);
  }
}

// The remainder with the sign of the divisor, from the one with the sign of the dividend.
template <class T>
inline T remainder_from(T mod, T b) {
  return (mod != T(0)) & ((mod < T(0)) != (b < T(0))) ? mod + b : mod;
}

template <class T>
inline T tile_remainder(T a, T b) {
  return remainder_from(tile_fmod(a, b), b);
}

// Through the remainder as Python does it: floor(a / b) is off by one where the division rounds up.
template <class T>
inline T quotient_from(T mod, T a, T b) {
  T quotient = (a - mod) / b - T((mod != T(0)) & ((b < T(0)) != (mod < T(0))) ? 1 : 0);
  T whole = std::floor(quotient), up = quotient - whole > T(0.5) ? whole + T(1) : whole;
  return b == T(0) ? a / b : quotient == T(0) ? with_sign_of(T(0), a / b) : up;
}
template <class T>
inline T floor_from(T quotient, T a, T b) {
  T mod = static_cast<T>(a - quotient * b);
  return static_cast<T>(quotient - ((mod != 0) & ((mod < 0) != (b < 0)) ? 1 : 0));
}
template <class T>
inline T tile_floor_div(T a, T b) {
  if constexpr (kIsFloat<T>) {
    return quotient_from(tile_fmod(a, b), a, b);
  } else {
    return floor_from(whole_quotient(a, b), a, b);
  }
}

// In double, whose range holds the squares of floats; infinite beside NaN too.
inline float tile_hypot(float a, float b) {
  double p = a, q = b;
  bool endless = (abs_bits(a) == infinity<float>()) | (abs_bits(b) == infinity<float>());
  return endless ? infinity<float>() : static_cast<float>(std::sqrt(p * p + q * q));
}
// Squares of numbers near the ends of the range are taken of scaled ones.
inline double tile_hypot(double a, double b) {
  double p = abs_bits(a), q = abs_bits(b), larger = p > q ? p : q;
  bool endless = (p == infinity<double>()) | (q == infinity<double>());
  bool high = larger > 0x1p500, low = larger < 0x1p-450;
  double factor = high ? 0x1p-600 : low ? 0x1p600 : 1.0, back = high ? 0x1p600 : low ? 0x1p-600 : 1.0;
  p *= factor;
  q *= factor;
  return endless ? infinity<double>() : std::sqrt(fma(p, p, q * q)) * back;
}

inline i64 whole_pow(i64 base, i64 exponent) {
  u64 b = static_cast<u64>(base), result = 1;
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? ((exponent & 1) ? -1 : 1) : 0;
  for (u64 e = static_cast<u64>(exponent); e; e >>= 1) {
    if (e & 1) result *= b;
    b *= b;
  }
  return static_cast<i64>(result);
}
template <class T>
inline T tile_pow(T a, T b) {
  if constexpr (kIsFloat<T>) {
    return static_cast<T>(std::pow(static_cast<double>(a), static_cast<double>(b)));
  } else {
    return static_cast<T>(whole_pow(a, b));
  }
}

template <class T>
inline T tile_logaddexp(T a, T b) {
  T top = tile_max(a, b);
  return a == b ? a + T(0.6931471805599453) : top + vlog1p(vexp(-abs_bits(a - b)));
}

template <class T>
inline T tile_logaddexp2(T a, T b) {
  T top = tile_max(a, b);
  return a == b ? a + T(1) : top + vlog1p(vexp2(-abs_bits(a - b))) * T(1.4426950408889634);
}

template <class T>
inline T tile_xlogy(T a, T b) {
  return (a == T(0)) & (b == b) ? T(0) : a * vlog(b);
}

// Processors have no shifts of bytes: these move by 1, 2 and 4.
inline u8 byte_shl(u8 x, u8 shift) {
  x = shift & 1 ? static_cast<u8>(x << 1) : x;
  x = shift & 2 ? static_cast<u8>(x << 2) : x;
  x = shift & 4 ? static_cast<u8>(x << 4) : x;
  return shift < 8 ? x : u8(0);
}
inline u8 byte_shr(u8 x, u8 shift) {
  x = shift & 1 ? static_cast<u8>(x >> 1) : x;
  x = shift & 2 ? static_cast<u8>(x >> 2) : x;
  x = shift & 4 ? static_cast<u8>(x >> 4) : x;
  return shift < 8 ? x : u8(0);
}

// Shifts by a negative amount or by the width and more: nothing left, or the sign.
template <class T>
inline T tile_shl(T a, T b) {
  if constexpr (sizeof(T) == 1) {
    return static_cast<T>(byte_shl(static_cast<u8>(a), static_cast<u8>(b)));
  } else {
    using Unsigned = std::make_unsigned_t<decltype(+a)>;
    Unsigned shift = static_cast<Unsigned>(b), width = 8 * sizeof(T);
    return static_cast<T>(shift < width ? static_cast<Unsigned>(a) << (shift & (width - 1)) : Unsigned(0));
  }
}
template <class T>
inline T tile_shr(T a, T b) {
  if constexpr (sizeof(T) == 1) {
    u8 sign = a < 0 ? 255 : 0;
    return static_cast<T>(byte_shr(static_cast<u8>(a) ^ sign, static_cast<u8>(b)) ^ sign);
  } else {
    using Unsigned = std::make_unsigned_t<decltype(+a)>;
    Unsigned shift = static_cast<Unsigned>(b), most = 8 * sizeof(Unsigned) - 1;
    return static_cast<T>(a >> (shift < most ? shift : most));
  }
}

}  // namespace pyflame::cpu::PYFLAME_TIER
