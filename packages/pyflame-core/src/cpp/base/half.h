// float16 and bfloat16 storage: conversion to and from float with round-to-nearest-even.
#pragma once
#include <cstring>

#include "base/dtype.h"

namespace pyflame {

inline float bfloat16_to_float(u16 bits) {
  u32 wide = static_cast<u32>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, 4);
  return value;
}

inline u16 float_to_bfloat16(float value) {
  u32 bits;
  std::memcpy(&bits, &value, 4);
  u32 rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return static_cast<u16>((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u : rounded);
}

// Branch-free forms, so that loops over them vectorise without F16C.
inline float float16_to_float(u16 half) {
  u32 sign = static_cast<u32>(half & 0x8000u) << 16, magnitude = static_cast<u32>(half & 0x7fffu) << 13;
  float value;
  u32 bits = magnitude;
  std::memcpy(&value, &bits, 4);
  value *= 0x1p112f;  // rebias the exponent; subnormal halves become normal floats
  std::memcpy(&bits, &value, 4);
  bits = magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : bits;  // infinities and NaN
  bits |= sign;
  std::memcpy(&value, &bits, 4);
  return value;
}

inline u16 float_to_float16(float value) {
  u32 bits;
  std::memcpy(&bits, &value, 4);
  u32 sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  u32 normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  float shifted;
  std::memcpy(&shifted, &magnitude, 4);
  shifted += 0.5f;  // aligns a subnormal half to the low bits, rounding to even on the way
  u32 low;
  std::memcpy(&low, &shifted, 4);
  u32 subnormal = low - 0x3f000000u;
  u32 special = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  u32 half = magnitude < 0x38800000u ? subnormal : magnitude >= 0x477ff000u ? special : normal;
  return static_cast<u16>(sign | half);
}

// Elements of the 16-bit dtypes, for kernels that go element by element and compute in float.
struct Float16 {
  u16 bits = 0;
  Float16() = default;
  explicit Float16(float value) : bits(float_to_float16(value)) {}
  operator float() const { return float16_to_float(bits); }
};
struct BFloat16 {
  u16 bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value) : bits(float_to_bfloat16(value)) {}
  operator float() const { return bfloat16_to_float(bits); }
};

}  // namespace pyflame
