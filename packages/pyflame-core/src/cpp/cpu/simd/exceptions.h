// Arguments for which the straight-line code of an op does not hold, and what is computed there instead.
#pragma once
#include "base/tile_op.h"
#include "cpu/simd/tile_ops.h"

namespace pyflame::cpu::PYFLAME_TIER {

template <TileOp op, class T>
struct Exceptions {
  static constexpr bool kAny = false;
};

// NaN is no exception, so that data with gaps stays fast.
#define LARGE_ANGLES(name)                                                     \
  template <class T>                                                           \
  struct Exceptions<TileOp::name, T> {                                         \
    static constexpr bool kAny = kIsFloat<T>;                                  \
    static bool at(T x) { return abs_bits(x) >= Circle<T>::kLargest; }            \
    static T value(T x) { return static_cast<T>(std::name(static_cast<double>(x))); } \
  };
LARGE_ANGLES(sin)
LARGE_ANGLES(cos)
LARGE_ANGLES(tan)
#undef LARGE_ANGLES

// Quotients beyond 2^28 (float) or 2^51, divisors that are 0, infinite or NaN.
#define LARGE_QUOTIENTS(name, exact)                                                                            \
  template <class T>                                                                                            \
  struct Exceptions<TileOp::name, T> {                                                                          \
    static constexpr bool kAny = kSmallFmod<T>;                                                                 \
    static constexpr T kLargest = sizeof(T) == 4 ? T(0x1p28) : T(0x1p51);                                       \
    static bool at(T a, T b) { return !((abs_bits(a) < kLargest * abs_bits(b)) & (abs_bits(b) < infinity<T>())); } \
    static T value(T a, T b) { return exact; }                                                                  \
  };
LARGE_QUOTIENTS(fmod, std::fmod(a, b))
LARGE_QUOTIENTS(remainder, remainder_from(std::fmod(a, b), b))
LARGE_QUOTIENTS(floor_divide, quotient_from(std::fmod(a, b), a, b))
#undef LARGE_QUOTIENTS

inline i64 exact_quotient(i64 a, i64 b) { return b == -1 ? -a : a / b; }  // INT64_MIN / -1 traps on x86
inline i64 exact_fmod(i64 a, i64 b) { return a - exact_quotient(a, b) * b; }

// int64 that double cannot hold.
#define LARGE_INTEGERS(name, exact)                                                             \
  template <>                                                                                   \
  struct Exceptions<TileOp::name, i64> {                                                        \
    static constexpr bool kAny = true;                                                          \
    static bool is_large(i64 x) { return static_cast<u64>(x) + (u64{1} << 53) > u64{1} << 54; } \
    static bool at(i64 a, i64 b) { return is_large(a) | is_large(b); }                          \
    static i64 value(i64 a, i64 b) { return exact; }                                            \
  };
LARGE_INTEGERS(fmod, exact_fmod(a, b))
LARGE_INTEGERS(remainder, remainder_from(exact_fmod(a, b), b))
LARGE_INTEGERS(floor_divide, floor_from(exact_quotient(a, b), a, b))
#undef LARGE_INTEGERS

}  // namespace pyflame::cpu::PYFLAME_TIER
