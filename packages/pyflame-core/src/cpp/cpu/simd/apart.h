// Vectors of numbers that lie apart.
#pragma once
#include <utility>

#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

template <class T, int... lane>
inline Vec<T> every_second(Vec<T> a, Vec<T> b, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(a, b, 2 * lane...);
}

// The first `n` numbers at p, or fewer, then zeros.
template <class T>
inline Vec<T> load_some(const T* p, i64 n) {
  if (n <= 0) return Vec<T>{};
  return n >= kWidth<T> ? load(p) : load(p, Lanes<T>(static_cast<int>(n)));
}

// `n` numbers, or as many as a vector has, `stride` apart. Nothing beyond the last is read.
template <class T>
inline Vec<T> load_apart(const T* p, i64 n, i64 stride) {
  constexpr i64 w = kWidth<T>;
  if (stride == 1) return load_some(p, n);
  if (stride == 2) {
    return every_second<T>(load_some(p, 2 * n - 1), load_some(p + w, 2 * n - 1 - w),
                           std::make_integer_sequence<int, static_cast<int>(w)>{});
  }
  T lanes[w] = {};
  for (i64 i = 0; i < n && i < w; ++i) lanes[i] = p[i * stride];
  return load(lanes);
}

}  // namespace pyflame::cpu::PYFLAME_TIER
