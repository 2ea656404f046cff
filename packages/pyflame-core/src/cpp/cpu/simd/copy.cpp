#include "cpu/copy_kernels.h"
#include "cpu/simd/simd.h"

#include <utility>

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

typedef char LooseBytes __attribute__((vector_size(kVectorBytes), aligned(1), may_alias));

// The C library's `rep movsb` takes up to twice as long, depending on how the two lie to each other.
void copy_bytes(char* to, const char* from, i64 n) {
  constexpr i64 kLine = 64;
  if (n < kLine) {
    for (i64 i = 0; i < n; ++i) to[i] = from[i];
    return;
  }
  auto line = [&](i64 i) {
    for (i64 part = 0; part < kLine; part += kVectorBytes) {
      *reinterpret_cast<LooseBytes*>(to + i + part) = *reinterpret_cast<const LooseBytes*>(from + i + part);
    }
  };
  for (i64 i = 0; i + kLine <= n; i += kLine) {
    fetch_ahead(from + i);
    fetch_ahead(to + i);
    line(i);
  }
  line(n - kLine);
}

template <class T, int... lane>
void copy_reversed(void* out, const void* in, i64 n, std::integer_sequence<int, lane...>) {
  typedef T Vector __attribute__((vector_size(kVectorBytes), aligned(sizeof(T)), may_alias));
  constexpr int w = sizeof...(lane);
  T* to = static_cast<T*>(out);
  const T* from = static_cast<const T*>(in);
  i64 i = 0;
  for (; i + w <= n; i += w) {
    fetch_ahead(to + i);
    Vector v = *reinterpret_cast<const Vector*>(from - i - (w - 1));
    *reinterpret_cast<Vector*>(to + i) = __builtin_shufflevector(v, v, (w - 1 - lane)...);
  }
  for (; i < n; ++i) to[i] = from[-i];
}

template <class T>
void reversed(void* to, const void* from, i64 n) {
  copy_reversed<T>(to, from, n, std::make_integer_sequence<int, kVectorBytes / sizeof(T)>());
}

template <class T>
void spread(void* out, const void* in, i64 step, i64 rows, i64 n) {
  typedef T Vector __attribute__((vector_size(kVectorBytes), aligned(sizeof(T)), may_alias));
  constexpr i64 w = kVectorBytes / static_cast<i64>(sizeof(T));
  static_assert(kVectorBytes <= kSpreadSlack);
  T* to = static_cast<T*>(out);
  const T* from = static_cast<const T*>(in);
  for (i64 r = 0; r < rows; ++r, to += n) {
    const Vector v = from[r * step] - Vector{};
    for (i64 i = 0; i < n; i += w) *reinterpret_cast<Vector*>(to + i) = v;
  }
}

#if defined(__AVX2__)
// Eight rows of eight: pairs, then fours, then halves change places.
inline void transpose_eight(u32* to, i64 to_step, const u32* from, i64 from_step) {
  __m256 row[8], pair[8], four[8];
  for (int r = 0; r < 8; ++r) row[r] = _mm256_loadu_ps(reinterpret_cast<const float*>(from + r * from_step));
  for (int r = 0; r < 8; r += 2) {
    pair[r] = _mm256_unpacklo_ps(row[r], row[r + 1]);
    pair[r + 1] = _mm256_unpackhi_ps(row[r], row[r + 1]);
  }
  for (int half = 0; half < 8; half += 4) {
    for (int k = 0; k < 2; ++k) {
      four[half + 2 * k] = _mm256_shuffle_ps(pair[half + k], pair[half + k + 2], 0x44);
      four[half + 2 * k + 1] = _mm256_shuffle_ps(pair[half + k], pair[half + k + 2], 0xee);
    }
  }
  for (int k = 0; k < 4; ++k) {
    float* p = reinterpret_cast<float*>(to + k * to_step);
    _mm256_storeu_ps(p, _mm256_permute2f128_ps(four[k], four[k + 4], 0x20));
    _mm256_storeu_ps(p + 4 * to_step, _mm256_permute2f128_ps(four[k], four[k + 4], 0x31));
  }
}
#else
inline void transpose_eight(u32* to, i64 to_step, const u32* from, i64 from_step) {
  for (int c = 0; c < 8; ++c) {
    for (int r = 0; r < 8; ++r) to[c * to_step + r] = from[r * from_step + c];
  }
}
#endif

// In blocks of a cache line each way.
void transpose(u32* to, i64 to_step, const u32* from, i64 from_step, i64 rows, i64 columns) {
  constexpr i64 kBlock = 16, kPart = 8;
  auto single = [&](i64 r0, i64 r1, i64 c0, i64 c1) {
    for (i64 c = c0; c < c1; ++c) {
      for (i64 r = r0; r < r1; ++r) to[c * to_step + r] = from[r * from_step + c];
    }
  };
  const i64 whole_rows = rows / kPart * kPart, whole_columns = columns / kPart * kPart;
  for (i64 c0 = 0; c0 < whole_columns; c0 += kBlock) {
    for (i64 r0 = 0; r0 < whole_rows; r0 += kBlock) {
      for (i64 c = c0; c < c0 + kBlock && c < whole_columns; c += kPart) {
        for (i64 r = r0; r < r0 + kBlock && r < whole_rows; r += kPart) {
          transpose_eight(to + c * to_step + r, to_step, from + r * from_step + c, from_step);
        }
      }
    }
  }
  single(whole_rows, rows, 0, whole_columns);
  single(0, rows, whole_columns, columns);
}

}  // namespace

const CopyKernels copy_kernels = {copy_bytes,
                                  {reversed<u8>, reversed<u16>, reversed<u32>, reversed<u64>},
                                  {spread<u8>, spread<u16>, spread<u32>, spread<u64>},
                                  transpose};

}  // namespace pyflame::cpu::PYFLAME_TIER
