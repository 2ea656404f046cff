// The vectors of one tier, on the compiler's vector extension; intrinsics only where the language has no word for
// the instruction (fused multiply-add, masked access). Include from cpu/simd/*.cpp only.
#pragma once
#include "base/dtype.h"
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace pyflame::cpu::PYFLAME_TIER {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
inline constexpr bool kMasked = true;  // masked loads cost what plain ones do
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
inline constexpr bool kMasked = false;
#else
inline constexpr int kVectorBytes = 16;
inline constexpr bool kMasked = false;
#endif

typedef float FloatVector __attribute__((vector_size(kVectorBytes)));
typedef double DoubleVector __attribute__((vector_size(kVectorBytes)));
typedef float LooseFloatVector __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));
typedef double LooseDoubleVector __attribute__((vector_size(kVectorBytes), aligned(8), may_alias));

template <class T>
struct VectorTypes;
template <>
struct VectorTypes<float> {
  using Vector = FloatVector;
  using Loose = LooseFloatVector;
};
template <>
struct VectorTypes<double> {
  using Vector = DoubleVector;
  using Loose = LooseDoubleVector;
};
template <class T>
using Vec = typename VectorTypes<T>::Vector;
template <class T>
inline constexpr int kWidth = kVectorBytes / static_cast<int>(sizeof(T));

template <class T>
inline Vec<T> load(const T* p) {
  return *reinterpret_cast<const typename VectorTypes<T>::Loose*>(p);
}
template <class T>
inline void store(T* p, Vec<T> v) {
  *reinterpret_cast<typename VectorTypes<T>::Loose*>(p) = v;
}
// Fetches the line that a loop over memory, which loads or stores at `p` now, reaches 4 KB further on. The hardware
// foresees loads within a page, but not the loads that stores begin with: scaling 6 M floats takes 2.8 ms with this and
// 3.8 without. Fetching is no access, so the line need not be part of anything.
inline void fetch_ahead(const void* p) { __builtin_prefetch(static_cast<const char*>(p) + 4096); }
// Subtracting zero, unlike adding it, is the identity for every value, so the compiler drops it.
template <class T>
inline Vec<T> broadcast(T x) {
  return x - Vec<T>{};
}

#if defined(__AVX512F__)
inline FloatVector fma(FloatVector a, FloatVector b, FloatVector c) { return _mm512_fmadd_ps(a, b, c); }
inline DoubleVector fma(DoubleVector a, DoubleVector b, DoubleVector c) { return _mm512_fmadd_pd(a, b, c); }
#elif defined(__AVX2__)
inline FloatVector fma(FloatVector a, FloatVector b, FloatVector c) { return _mm256_fmadd_ps(a, b, c); }
inline DoubleVector fma(DoubleVector a, DoubleVector b, DoubleVector c) { return _mm256_fmadd_pd(a, b, c); }
#elif defined(__aarch64__)
inline FloatVector fma(FloatVector a, FloatVector b, FloatVector c) { return vfmaq_f32(c, a, b); }
inline DoubleVector fma(DoubleVector a, DoubleVector b, DoubleVector c) { return vfmaq_f64(c, a, b); }
#else
inline FloatVector fma(FloatVector a, FloatVector b, FloatVector c) { return a * b + c; }
inline DoubleVector fma(DoubleVector a, DoubleVector b, DoubleVector c) { return a * b + c; }
#endif

// Sum of all lanes, by halves.
inline float sum(FloatVector v) {
#if defined(__AVX512F__)
  auto eight = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
               __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
#elif defined(__AVX2__)
  auto eight = v;
#endif
#if defined(__AVX2__)
  auto four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
#else
  auto four = v;
#endif
  auto two = four + __builtin_shufflevector(four, four, 2, 3, 0, 1);
  return two[0] + two[1];
}
inline double sum(DoubleVector v) {
#if defined(__AVX512F__)
  auto four = __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
#elif defined(__AVX2__)
  auto four = v;
#endif
#if defined(__AVX2__)
  auto two = __builtin_shufflevector(four, four, 0, 1) + __builtin_shufflevector(four, four, 2, 3);
#else
  auto two = v;
#endif
  return two[0] + two[1];
}

// The first `count` lanes of a vector (1 <= count <= width).
#if defined(__AVX512F__)
template <class T>
struct Lanes {
  __mmask16 mask;
  explicit Lanes(int count) : mask(static_cast<__mmask16>((1u << count) - 1)) {}
};
inline FloatVector load(const float* p, Lanes<float> lanes) { return _mm512_maskz_loadu_ps(lanes.mask, p); }
inline DoubleVector load(const double* p, Lanes<double> lanes) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>(lanes.mask), p);
}
inline void store(float* p, FloatVector v, Lanes<float> lanes) { _mm512_mask_storeu_ps(p, lanes.mask, v); }
inline void store(double* p, DoubleVector v, Lanes<double> lanes) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>(lanes.mask), v);
}
#else
template <class T>
struct Lanes {
  int count;
  explicit Lanes(int count) : count(count) {}
};
template <class T>
inline Vec<T> load(const T* p, Lanes<T> lanes) {
  T values[kWidth<T>] = {};
  for (int i = 0; i < lanes.count; ++i) values[i] = p[i];
  return load(values);
}
template <class T>
inline void store(T* p, Vec<T> v, Lanes<T> lanes) {
  T values[kWidth<T>];
  store(values, v);
  for (int i = 0; i < lanes.count; ++i) p[i] = values[i];
}
#endif

}  // namespace pyflame::cpu::PYFLAME_TIER
