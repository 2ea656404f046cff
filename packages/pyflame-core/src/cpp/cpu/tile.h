// Tiles: the unit elementwise programs and reductions work in, and the compute classes their elements are held in.
#pragma once
#include "base/dtype.h"

namespace pyflame::cpu {

inline constexpr i64 kTile = 1024;

// Each dtype has a class of its own, but float16 and bfloat16, which are computed with as float. Those of bool and integers
// are numbered as their dtypes.
enum TileClass : u8 { kClassBool, kClassUInt8, kClassInt8, kClassInt16, kClassInt32, kClassInt64, kClassFloat, kClassDouble };
inline constexpr int kNumClasses = 8;

// A bool in memory: whatever is not 0 becomes 1.
struct Bool {
  u8 value;
  Bool() = default;
  template <class T>
  constexpr explicit Bool(T x) : value(x != T(0)) {}
  constexpr operator u8() const { return value; }
};

constexpr TileClass class_of(DType dtype) {
  return !is_floating(dtype) ? static_cast<TileClass>(dtype) : dtype == DType::kFloat64 ? kClassDouble : kClassFloat;
}
// The dtype whose memory is a tile of the class already.
constexpr DType native_dtype(TileClass c) {
  return c < kClassFloat ? static_cast<DType>(c) : c == kClassDouble ? DType::kFloat64 : DType::kFloat32;
}
constexpr bool is_native(DType dtype) { return native_dtype(class_of(dtype)) == dtype; }
constexpr i64 class_size(TileClass c) { return dtype_size(native_dtype(c)); }

// out = f(a, b, c) over n elements; out may be one of the operands.
using TileFn = void (*)(void* out, const void* a, const void* b, const void* c, i64 n);

}  // namespace pyflame::cpu
