// The largest element of a line, NaN aside.
#pragma once
#include "cpu/simd/float_bits.h"
#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

// A NaN is lost here. Where exponentials of the differences follow, it makes every one of its line NaN.
inline FloatVector top_of(FloatVector a, FloatVector b) {
#if defined(__AVX512F__)
  return _mm512_max_ps(b, a);
#elif defined(__AVX2__)
  return _mm256_max_ps(b, a);
#else
  return b > a ? b : a;
#endif
}
inline DoubleVector top_of(DoubleVector a, DoubleVector b) { return b > a ? b : a; }

#if defined(__AVX512F__)
inline float largest_lane(FloatVector v) { return _mm512_reduce_max_ps(v); }
inline double largest_lane(DoubleVector v) { return _mm512_reduce_max_pd(v); }
#else
template <class V>
inline auto largest_lane(V v) {
  auto best = v[0];
  for (int i = 1; i < kVectorBytes / static_cast<int>(sizeof best); ++i) best = v[i] > best ? v[i] : best;
  return best;
}
#endif

// The first `count` elements at x, the other lanes `fill`.
template <class T>
inline Vec<T> load_rest(const T* x, i64 count, T fill) {
  T lanes[kWidth<T>];
  for (int i = 0; i < kWidth<T>; ++i) lanes[i] = fill;
  for (i64 i = 0; i < count; ++i) lanes[i] = x[i];
  return load(lanes);
}

template <class T>
inline T line_top(const T* x, i64 n) {
  constexpr i64 w = kWidth<T>;
  const T lowest = -infinity<T>();
  Vec<T> a = broadcast(lowest), b = a, c = a, d = a;
  i64 i = 0;
  for (; i + 4 * w <= n; i += 4 * w) {
    a = top_of(a, load(x + i));
    b = top_of(b, load(x + i + w));
    c = top_of(c, load(x + i + 2 * w));
    d = top_of(d, load(x + i + 3 * w));
  }
  for (; i + w <= n; i += w) a = top_of(a, load(x + i));
  if (i < n) b = top_of(b, load_rest(x + i, n - i, lowest));
  return largest_lane(top_of(top_of(a, b), top_of(c, d)));
}

}  // namespace pyflame::cpu::PYFLAME_TIER
