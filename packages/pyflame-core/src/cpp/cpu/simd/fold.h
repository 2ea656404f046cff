// Folding contiguous elements with the tier's vectors in four accumulators. GCC's vector extension states the order
// of additions, which the auto-vectoriser must not choose for floating types.
#pragma once
#include <type_traits>

#include "cpu/simd/float_bits.h"

namespace pyflame::cpu::PYFLAME_TIER {

#if defined(__AVX512F__)
constexpr i64 kVectorBytes = 64;
#elif defined(__AVX__)
constexpr i64 kVectorBytes = 32;
#else
constexpr i64 kVectorBytes = 16;
#endif

template <class T>
using Vec __attribute__((vector_size(kVectorBytes))) = T;
template <class T>
constexpr i64 kLanes = kVectorBytes / static_cast<i64>(sizeof(T));

struct FoldSum {
  template <class T>
  static constexpr T identity() {
    return T(0);
  }
  template <class V>
  static inline V step(V sum, V x) {
    return sum + x;
  }
};

template <class T>
constexpr T lowest() {
  if constexpr (std::is_floating_point_v<T>) {
    return -__builtin_inf();
  } else {
    return std::is_unsigned_v<T> ? T(0) : static_cast<T>(T(1) << (8 * sizeof(T) - 1));
  }
}

// A NaN, once taken, stays: nothing compares greater and only another NaN differs from itself.
struct FoldMax {
  template <class T>
  static constexpr T identity() {
    return lowest<T>();
  }
  template <class V>
  static inline V step(V best, V x) {
    return (x > best) | (x != x) ? x : best;
  }
};
struct FoldMin {
  template <class T>
  static constexpr T identity() {
    if constexpr (std::is_floating_point_v<T>) {
      return -lowest<T>();
    } else {
      return static_cast<T>(~lowest<T>());
    }
  }
  template <class V>
  static inline V step(V best, V x) {
    return (x < best) | (x != x) ? x : best;
  }
};

template <class Op, class T>
inline T fold_lanes(Vec<T> lanes) {
  T values[kLanes<T>];
  std::memcpy(values, &lanes, sizeof lanes);
  for (i64 width = kLanes<T> / 2; width > 0; width /= 2) {
    for (i64 i = 0; i < width; ++i) values[i] = Op::template step<T>(values[i], values[i + width]);
  }
  return values[0];
}

template <class T>
inline Vec<T> load_vector(const T* x) {
  Vec<T> v;
  std::memcpy(&v, x, sizeof v);
  return v;
}

template <class Op, class T>
inline T fold_block(const T* x, i64 n) {
  using V = Vec<T>;
  constexpr i64 w = kLanes<T>;
  constexpr T identity = Op::template identity<T>();
  if (n < w) {  // short rows are common and want no vector set-up
    T result = identity;
    for (i64 i = 0; i < n; ++i) result = Op::template step<T>(result, x[i]);
    return result;
  }
  V a = load_vector(x), b = V{} + identity, c = b, d = b;
  i64 i = w;
  for (; i + 4 * w <= n; i += 4 * w) {
    a = Op::template step<V>(a, load_vector(x + i));
    b = Op::template step<V>(b, load_vector(x + i + w));
    c = Op::template step<V>(c, load_vector(x + i + 2 * w));
    d = Op::template step<V>(d, load_vector(x + i + 3 * w));
  }
  for (; i + w <= n; i += w) b = Op::template step<V>(b, load_vector(x + i));
  if (i < n) {
    T rest[w];
    for (i64 j = 0; j < w; ++j) rest[j] = i + j < n ? x[i + j] : identity;
    c = Op::template step<V>(c, load_vector(rest));
  }
  return fold_lanes<Op, T>(Op::template step<V>(Op::template step<V>(a, b), Op::template step<V>(c, d)));
}

// Beyond this many elements a float sum moves on in double: a lane sees 16 additions at most.
template <class T>
constexpr i64 kSumBlock = 16 * 4 * kLanes<T>;

// Onto `sum`, so that sums of the pieces of a row, cut between blocks, are the sum of the row.
template <class T>
inline double sum_contiguous(const T* x, i64 n, double sum) {
  constexpr i64 block = kSumBlock<T>;
  for (i64 i = 0; i < n; i += block) {
    sum += static_cast<double>(fold_block<FoldSum>(x + i, n - i < block ? n - i : block));
  }
  return sum;
}

}  // namespace pyflame::cpu::PYFLAME_TIER
