#include "cpu/weighted_kernels.h"

#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

// Elements at a vector of places; zeros where those are negative.
#if defined(__AVX512F__)
inline FloatVector take_lanes(const float* from, const std::int32_t* at) {
  const __m512i places = _mm512_loadu_si512(at), none = _mm512_setzero_si512();
  return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), _mm512_cmpge_epi32_mask(places, none), places, from, 4);
}
inline DoubleVector take_lanes(const double* from, const std::int32_t* at) {
  const __m256i places = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)), none = _mm256_setzero_si256();
  return _mm512_mask_i32gather_pd(_mm512_setzero_pd(), _mm256_cmpge_epi32_mask(places, none), places, from, 8);
}
#elif defined(__AVX2__)
inline FloatVector take_lanes(const float* from, const std::int32_t* at) {
  const __m256i places = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const __m256i some = _mm256_cmpgt_epi32(places, _mm256_set1_epi32(-1));
  return _mm256_mask_i32gather_ps(_mm256_setzero_ps(), from, places, _mm256_castsi256_ps(some), 4);
}
inline DoubleVector take_lanes(const double* from, const std::int32_t* at) {
  const __m128i places = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m256i some = _mm256_cvtepi32_epi64(_mm_cmpgt_epi32(places, _mm_set1_epi32(-1)));
  return _mm256_mask_i32gather_pd(_mm256_setzero_pd(), from, places, _mm256_castsi256_pd(some), 8);
}
#else
template <class T>
inline Vec<T> take_lanes(const T* from, const std::int32_t* at) {
  Vec<T> v{};
  for (int i = 0; i < kWidth<T>; ++i) v[i] = at[i] < 0 ? T(0) : from[at[i]];
  return v;
}
#endif

// weight * element, and nothing of what is at no place, which may be beside an infinite weight.
template <class T>
inline T product(T weight, const T* from, std::int32_t at) {
  return at < 0 ? T(0) : weight * from[at];
}

template <class T>
void gather(const WeightedPlanes& p) {
  constexpr i64 w = kWidth<T>;
  const T *weight = static_cast<const T*>(p.weight), *x = static_cast<const T*>(p.x);
  T* out = static_cast<T*>(p.out);
  for (i64 c = 0; c < p.planes; ++c, x += p.size, out += p.points) {
    i64 i = 0;
    for (; i + w <= p.points; i += w) {
      Vec<T> total{};
      for (i64 k = i, end = p.taps * p.points; k < end; k += p.points) total += load(weight + k) * take_lanes(x, p.index + k);
      store(out + i, total);
    }
    for (; i < p.points; ++i) {
      T total = 0;
      for (i64 k = i, end = p.taps * p.points; k < end; k += p.points) total += product(weight[k], x, p.index[k]);
      out[i] = total;
    }
  }
}

// Several planes at a time, which share the reading of places and weights. Neighbouring points go to different places of
// one tap, so additions seldom wait for each other.
template <class T, int planes>
void scatter_planes(const WeightedPlanes& p, const T* a, T* out) {
  const T* weight = static_cast<const T*>(p.weight);
  for (i64 i = 0; i < planes * p.size; ++i) out[i] = T(0);
  for (i64 k = 0; k < p.taps; ++k) {
    const T* share = weight + k * p.points;
    const std::int32_t* index = p.index + k * p.points;
    for (i64 i = 0; i < p.points; ++i) {
      if (index[i] < 0) continue;
      for (int c = 0; c < planes; ++c) out[c * p.size + index[i]] += share[i] * a[c * p.points + i];
    }
  }
}
template <class T>
void scatter(const WeightedPlanes& p) {
  const T* a = static_cast<const T*>(p.a);
  T* out = static_cast<T*>(p.out);
  i64 c = 0;
  for (; c + 4 <= p.planes; c += 4) scatter_planes<T, 4>(p, a + c * p.points, out + c * p.size);
  for (; c < p.planes; ++c) scatter_planes<T, 1>(p, a + c * p.points, out + c * p.size);
}

template <class T>
void dot(const WeightedPlanes& p, i64 begin, i64 end) {
  constexpr i64 w = kWidth<T>;
  const T *a = static_cast<const T*>(p.a), *x = static_cast<const T*>(p.x);
  T* out = static_cast<T*>(p.out);
  for (i64 k = 0; k < p.taps; ++k) {
    for (i64 i = begin; i < end; ++i) out[k * p.points + i] = T(0);
  }
  for (i64 c = 0; c < p.planes; ++c, a += p.points, x += p.size) {
    i64 i = begin;
    for (; i + w <= end; i += w) {
      const Vec<T> factor = load(a + i);
      for (i64 k = i; k < p.taps * p.points; k += p.points) {
        store(out + k, load(out + k) + factor * take_lanes(x, p.index + k));
      }
    }
    for (; i < end; ++i) {
      for (i64 k = i; k < p.taps * p.points; k += p.points) out[k] += product(a[i], x, p.index[k]);
    }
  }
}

}  // namespace

const WeightedKernels weighted_kernels = {{gather<float>, scatter<float>, dot<float>},
                                          {gather<double>, scatter<double>, dot<double>}};

}  // namespace pyflame::cpu::PYFLAME_TIER
