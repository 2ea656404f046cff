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

}  // namespace

const CopyKernels copy_kernels = {copy_bytes, {reversed<u8>, reversed<u16>, reversed<u32>, reversed<u64>}};

}  // namespace pyflame::cpu::PYFLAME_TIER
