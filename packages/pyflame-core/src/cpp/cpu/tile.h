// Tiles: the unit elementwise programs and reductions work in, and the compute classes their elements are held in.
#pragma once
#include "base/dtype.h"

namespace pyflame::cpu {

inline constexpr i64 kTile = 1024;

// bool as u8; integers as i64; float16, bfloat16 and float32 as float; float64 as double.
enum TileClass : u8 { kClassBool, kClassInt, kClassFloat, kClassDouble };
inline constexpr int kNumClasses = 4;

constexpr TileClass class_of(DType dtype) {
  return dtype == DType::kFloat64 ? kClassDouble
         : is_floating(dtype)     ? kClassFloat
         : dtype == DType::kBool  ? kClassBool
                                  : kClassInt;
}
constexpr i64 class_size(TileClass c) {
  constexpr u8 sizes[kNumClasses] = {1, 8, 4, 8};
  return sizes[c];
}
// The dtype whose memory is a tile of its class already.
constexpr bool is_native(DType dtype) {
  return dtype == DType::kBool || dtype == DType::kInt64 || dtype == DType::kFloat32 || dtype == DType::kFloat64;
}

// out = f(a, b, c) over n elements; out may be one of the operands.
using TileFn = void (*)(void* out, const void* a, const void* b, const void* c, i64 n);

}  // namespace pyflame::cpu
