#pragma once
// IEEE binary16 in software, rounding to nearest even; the host's compiler and processor have no say in it.
#include <cmath>
#include <cstdint>
#include <cstring>

namespace pyflame::csl {

template <typename To, typename From>
inline To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

inline float f16_to_float(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = (half >> 10) & 31, fraction = half & 0x3ff;
  if (exponent == 31) return bits_as<float>(sign | 0x7f800000 | (fraction << 13));
  if (exponent != 0) return bits_as<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  float magnitude = float(fraction) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

// Exact for every double: one rounding, subnormals and overflow included.
inline uint16_t f16_from_double(double value) {
  uint64_t bits = bits_as<uint64_t>(value);
  uint16_t sign = uint16_t(bits >> 48) & 0x8000;
  int exponent = int((bits >> 52) & 0x7ff) - 1023;
  uint64_t fraction = bits & ((uint64_t(1) << 52) - 1);
  if (exponent == 1024) return fraction ? uint16_t(sign | 0x7e00) : uint16_t(sign | 0x7c00);
  if (exponent > 15) return sign | 0x7c00;
  if (exponent < -25) return sign;
  uint64_t significand = fraction | (uint64_t(1) << 52);
  int dropped = exponent >= -14 ? 42 : 42 + (-14 - exponent);
  uint64_t kept = significand >> dropped, rest = significand & ((uint64_t(1) << dropped) - 1);
  uint64_t half = uint64_t(1) << (dropped - 1);
  if (rest > half || (rest == half && (kept & 1))) kept++;
  // A carry out of the fraction goes into the exponent by itself.
  return exponent >= -14 ? uint16_t(sign | (kept + (uint64_t(exponent + 14) << 10))) : uint16_t(sign | kept);
}

inline uint16_t f16_from_float(float value) { return f16_from_double(value); }

// a + b * c with one rounding to binary16. The product is exact in double; the sum is rounded to odd, so that the second
// rounding cannot be wrong.
inline uint16_t f16_fma(uint16_t a, uint16_t b, uint16_t c) {
  double x = f16_to_float(a), y = double(f16_to_float(b)) * double(f16_to_float(c));
  double sum = x + y;
  if (std::isfinite(sum)) {
    double part = sum - x, error = (x - (sum - part)) + (y - part);
    uint64_t bits = bits_as<uint64_t>(sum);
    if (error != 0 && !(bits & 1)) {
      bool away = (error > 0) == (sum > 0);
      sum = bits_as<double>(away ? bits + 1 : bits - 1);
    }
  }
  return f16_from_double(sum);
}

}  // namespace pyflame::csl
