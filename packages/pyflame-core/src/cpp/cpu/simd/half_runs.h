// Runs of half-precision values to and from float, by the processor's own instructions where it has them.
#pragma once
#include "base/half.h"
#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

inline void widen_half(const u16* in, i64 n, float* out) {
  i64 i = 0;
#if defined(__AVX512F__)
  for (; i + 16 <= n; i += 16) {
    _mm512_storeu_ps(out + i, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + i))));
  }
#elif defined(__F16C__)
  for (; i + 8 <= n; i += 8) {
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i))));
  }
#endif
  for (; i < n; ++i) out[i] = float16_to_float(in[i]);
}

inline void narrow_half(const float* in, i64 n, u16* out) {
  i64 i = 0;
#if defined(__AVX512F__)
  for (; i + 16 <= n; i += 16) {
    __m256i halves = _mm512_cvtps_ph(_mm512_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), halves);
  }
#elif defined(__F16C__)
  for (; i + 8 <= n; i += 8) {
    __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), halves);
  }
#endif
  for (; i < n; ++i) out[i] = float_to_float16(in[i]);
}

inline void widen_brain(const u16* __restrict in, i64 n, float* __restrict out) {
  for (i64 i = 0; i < n; ++i) out[i] = bfloat16_to_float(in[i]);
}

inline void narrow_brain(const float* __restrict in, i64 n, u16* __restrict out) {
  i64 i = 0;
#if defined(__AVX512F__)
  const __m512i one = _mm512_set1_epi32(1), bias = _mm512_set1_epi32(0x7fff), quiet = _mm512_set1_epi32(0x40);
  for (; i + 16 <= n; i += 16) {
    __m512 x = _mm512_loadu_ps(in + i);
    __m512i bits = _mm512_castps_si512(x), top = _mm512_srli_epi32(bits, 16);
    __m512i rounded = _mm512_srli_epi32(
        _mm512_add_epi32(_mm512_add_epi32(bits, bias), _mm512_and_si512(top, one)), 16);
    __m512i result = _mm512_mask_or_epi32(rounded, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), top, quiet);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm512_cvtepi32_epi16(result));
  }
#endif
  for (; i < n; ++i) out[i] = float_to_bfloat16(in[i]);
}

}  // namespace pyflame::cpu::PYFLAME_TIER
