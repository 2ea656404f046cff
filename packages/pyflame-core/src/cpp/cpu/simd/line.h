// Loops over one contiguous line: sums in four accumulators that move on in double, and maps.
#pragma once
#include "cpu/simd/float_bits.h"
#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

constexpr i64 kLineBlock = 1024;  // elements a float sum runs over before it moves on in double

// The sum of each(i), a vector for the elements from i on, and rest(i, count), the last, incomplete one.
template <class T, class Each, class Rest>
inline double line_sum(i64 n, Each&& each, Rest&& rest) {
  constexpr i64 w = kWidth<T>;
  double total = 0;
  for (i64 begin = 0; begin < n; begin += kLineBlock) {
    i64 end = n - begin < kLineBlock ? n : begin + kLineBlock, i = begin;
    Vec<T> a{}, b{}, c{}, d{};
    for (; i + 4 * w <= end; i += 4 * w) {
      a += each(i);
      b += each(i + w);
      c += each(i + 2 * w);
      d += each(i + 3 * w);
    }
    for (; i + w <= end; i += w) a += each(i);
    if (i < end) b += rest(i, static_cast<int>(end - i));
    total += static_cast<double>(sum((a + b) + (c + d)));
  }
  return total;
}

// out[i] = each(read, i): `read(p)` loads the vector at p + i, of the lanes that exist.
template <class T, class Each>
inline void line_map(T* out, i64 n, Each&& each) {
  constexpr i64 w = kWidth<T>;
  i64 i = 0;
  for (; i + w <= n; i += w) store(out + i, each([i](const T* p) { return load(p + i); }, i));
  if (i < n) {
    Lanes<T> lanes(static_cast<int>(n - i));
    store(out + i, each([i, lanes](const T* p) { return load(p + i, lanes); }, i), lanes);
  }
}

}  // namespace pyflame::cpu::PYFLAME_TIER
