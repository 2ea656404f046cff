#include "cpu/index_take_kernels.h"
#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

#if defined(__AVX512F__)
// Of one cache line of the index, which is what is read fastest.
template <class T>
inline void take_eight(T* out, const T* from, __m512i places) {
  if constexpr (sizeof(T) == 4) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_i64gather_epi32(places, from, 4));
  } else {
    _mm512_storeu_si512(out, _mm512_i64gather_epi64(places, from, 8));
  }
}

template <class T>
i64 take_vectors(const TakeRun& run) {
  T* out = static_cast<T*>(run.out);
  const T* from = static_cast<const T*>(run.from);
  const bool plain = run.from_step == 0 && run.stride == 1;
  const __m512i stride = _mm512_set1_epi64(run.stride), advance = _mm512_set1_epi64(8 * run.from_step);
  __m512i start = _mm512_mullo_epi64(_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), _mm512_set1_epi64(run.from_step));
  i64 j = 0;
  for (; j + 8 <= run.n; j += 8) {
    fetch_ahead(run.index + j);
    fetch_ahead(out + j);
    __m512i at = _mm512_loadu_si512(run.index + j);
    if (!plain) {
      at = _mm512_add_epi64(_mm512_mullo_epi64(at, stride), start);
      start = _mm512_add_epi64(start, advance);
    }
    take_eight(out + j, from, at);
  }
  return j;
}
#endif

template <class T>
void take(const TakeRun& run) {
  T* out = static_cast<T*>(run.out);
  const T* from = static_cast<const T*>(run.from);
  i64 j = 0;
#if defined(__AVX512F__)
  if constexpr (sizeof(T) >= 4) j = take_vectors<T>(run);
#endif
  for (; j < run.n; ++j) out[j] = from[j * run.from_step + run.index[j] * run.stride];
}

bool within(const i64* index, i64 n, i64 size) {
  u64 outside = 0;
  for (i64 j = 0; j < n; ++j) outside |= static_cast<u64>(index[j]) >= static_cast<u64>(size) ? 1 : 0;
  return outside == 0;
}

}  // namespace

const IndexTakeKernels index_take_kernels = {{take<u8>, take<u16>, take<u32>, take<u64>}, within};

}  // namespace pyflame::cpu::PYFLAME_TIER
