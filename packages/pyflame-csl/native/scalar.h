#pragma once
// The scalar types of CSL: how a value lies in a 64-bit register and in memory, and what the operators mean.
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "f16.h"
#include "isa.h"

namespace pyflame::csl {

template <typename T>
struct Integer {
  using Value = T;
  static constexpr int bytes = sizeof(T);
  static constexpr bool is_float = false;
  static T get(uint64_t word) { return static_cast<T>(word); }
  static uint64_t put(T value) {
    if constexpr (std::is_signed_v<T>) return static_cast<uint64_t>(static_cast<int64_t>(value));
    return static_cast<uint64_t>(value);
  }
};

struct Bool {
  using Value = uint8_t;
  static constexpr int bytes = 1;
  static constexpr bool is_float = false;
  static uint8_t get(uint64_t word) { return word != 0; }
  static uint64_t put(uint8_t value) { return value != 0; }
};

struct Half {
  using Value = float;
  static constexpr int bytes = 2;
  static constexpr bool is_float = true;
  static float get(uint64_t word) { return f16_to_float(static_cast<uint16_t>(word)); }
  // Sum, product, quotient and root of two halves, computed in float, round to the right half: 24 >= 2 * 11 + 2.
  static uint64_t put(float value) { return f16_from_float(value); }
  static uint64_t put_double(double value) { return f16_from_double(value); }
};

struct Single {
  using Value = float;
  static constexpr int bytes = 4;
  static constexpr bool is_float = true;
  static float get(uint64_t word) { return bits_as<float>(static_cast<uint32_t>(word)); }
  static uint64_t put(float value) { return bits_as<uint32_t>(value); }
  static uint64_t put_double(double value) { return bits_as<uint32_t>(static_cast<float>(value)); }
};

using T_bool = Bool;
using T_i8 = Integer<int8_t>;
using T_u8 = Integer<uint8_t>;
using T_i16 = Integer<int16_t>;
using T_u16 = Integer<uint16_t>;
using T_i32 = Integer<int32_t>;
using T_u32 = Integer<uint32_t>;
using T_i64 = Integer<int64_t>;
using T_u64 = Integer<uint64_t>;
using T_f16 = Half;
using T_f32 = Single;

// Arithmetic of integers is done on 64-bit words and cut by `put`, so it wraps.
template <typename T>
uint64_t wrap(uint64_t word) {
  return T::put(T::get(word));
}

template <typename T>
uint64_t shift_left(uint64_t a, uint64_t by) {
  return by >= uint64_t(T::bytes) * 8 ? 0 : wrap<T>(a << by);
}

template <typename T>
uint64_t shift_right(uint64_t a, uint64_t by) {
  using V = typename T::Value;
  V value = T::get(a);
  if (by >= uint64_t(T::bytes) * 8) {
    if constexpr (std::is_signed_v<V>) return value < 0 ? ~uint64_t(0) : 0;
    return 0;
  }
  return T::put(static_cast<V>(value >> by));
}

// Truncation toward zero. The smallest value divided by -1 wraps, which the host's instruction would trap on.
template <typename T>
uint64_t divide(uint64_t a, uint64_t b) {
  using V = typename T::Value;
  V x = T::get(a), y = T::get(b);
  if constexpr (std::is_signed_v<V>) {
    if (y == -1) return wrap<T>(0 - a);
  }
  return T::put(static_cast<V>(x / y));
}

template <typename T>
uint64_t remainder(uint64_t a, uint64_t b) {
  using V = typename T::Value;
  V x = T::get(a), y = T::get(b);
  if constexpr (std::is_signed_v<V>) {
    if (y == -1) return 0;
  }
  return T::put(static_cast<V>(x % y));
}

template <typename T>
uint64_t load_scalar(const uint8_t* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, T::bytes);
  if constexpr (T::is_float) return word;
  else return wrap<T>(word);
}

// A value read as `bytes` low bits, as a register of scalar type `type` holds it.
inline uint64_t extend(uint8_t type, uint64_t bits) {
  switch (type) {
    case s_bool: return T_bool::put(uint8_t(bits & 0xff));
    case s_i8: return wrap<T_i8>(bits);
    case s_u8: return wrap<T_u8>(bits);
    case s_i16: return wrap<T_i16>(bits);
    case s_u16:
    case s_f16: return wrap<T_u16>(bits);
    case s_i32: return wrap<T_i32>(bits);
    case s_u32:
    case s_f32: return wrap<T_u32>(bits);
    default: return bits;
  }
}

template <typename From, typename To>
uint64_t convert(uint64_t word) {
  auto value = From::get(word);
  if constexpr (std::is_same_v<To, Bool>) return value != 0;
  else if constexpr (To::is_float) {
    if constexpr (To::bytes == 4) return To::put(static_cast<float>(value));
    else return To::put_double(static_cast<double>(value));
  } else if constexpr (From::is_float) {
    using V = typename To::Value;
    double wide = value;
    if (std::isnan(wide)) return 0;
    if (wide <= static_cast<double>(std::numeric_limits<V>::min())) return To::put(std::numeric_limits<V>::min());
    if (wide >= static_cast<double>(std::numeric_limits<V>::max())) return To::put(std::numeric_limits<V>::max());
    return To::put(static_cast<V>(wide));
  } else {
    return To::put(static_cast<typename To::Value>(value));
  }
}

// A function of <math>, named by its instruction for f32.
template <typename T>
double math_of(uint16_t which, double x, double y) {
  switch (which) {
    case op_sqrt_f32: return std::sqrt(x);
    case op_exp_f32: return std::exp(x);
    case op_log_f32: return std::log(x);
    case op_sin_f32: return std::sin(x);
    case op_cos_f32: return std::cos(x);
    case op_tanh_f32: return std::tanh(x);
    case op_floor_f32: return std::floor(x);
    case op_ceil_f32: return std::ceil(x);
    default: return std::pow(x, y);
  }
}

template <typename T>
uint64_t absolute(uint64_t word) {
  if constexpr (T::is_float) return word & (T::bytes == 2 ? 0x7fff : 0x7fffffff);
  else if constexpr (std::is_signed_v<typename T::Value>) return int64_t(word) < 0 ? wrap<T>(0 - word) : word;
  else return word;
}

template <typename T>
uint64_t negative(uint64_t word) {
  if constexpr (T::is_float) return word ^ (T::bytes == 2 ? 0x8000u : 0x80000000u);
  else return wrap<T>(0 - word);
}

template <typename T>
uint64_t extreme(uint64_t a, uint64_t b, bool larger) {
  auto x = T::get(a), y = T::get(b);
  if constexpr (T::is_float) {
    if (std::isnan(x)) return b;
    if (std::isnan(y)) return a;
  }
  return (larger ? x < y : y < x) ? b : a;
}

}  // namespace pyflame::csl
