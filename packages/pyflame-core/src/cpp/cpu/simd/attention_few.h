// Attention of few queries: keys and values are read from memory once, where they lie, which is the whole cost.
#pragma once
#include <utility>

#include "cpu/attention_table.h"
#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

template <class V, int... i>
inline V neighbour_sums(V a, V b, std::integer_sequence<int, i...>) {
  return __builtin_shufflevector(a, b, (2 * i)...) + __builtin_shufflevector(a, b, (2 * i + 1)...);
}

// The sum of each of as many vectors as a vector has lanes.
template <class T, int count = kWidth<T>>
inline Vec<T> sums_of(const Vec<T>* v) {
  if constexpr (count == 1) {
    return *v;
  } else {
    constexpr int half = count / 2;
    return neighbour_sums(sums_of<T, half>(v), sums_of<T, half>(v + half),
                          std::make_integer_sequence<int, kWidth<T>>());
  }
}

template <class T>
void scores(i64 rows, i64 keys, i64 features, const T* query, const T* key, i64 key_row, T* out) {
  constexpr int w = kWidth<T>;
  static_assert(kAttentionPad % w == 0);
  for (i64 first = 0; first < keys; first += w) {
    const T* lines[w];
    for (i64 lane = 0; lane < w; ++lane) lines[lane] = key + (first + lane < keys ? first + lane : keys - 1) * key_row;
    for (i64 r = 0; r < rows; ++r) {
      const T* x = query + r * features;
      Vec<T> sums[w] = {};
      i64 p = 0;
      for (; p + w <= features; p += w) {
#pragma GCC unroll 16
        for (int lane = 0; lane < w; ++lane) sums[lane] = fma(load(x + p), load(lines[lane] + p), sums[lane]);
      }
      if (p < features) {
        Lanes<T> tail(static_cast<int>(features - p));
        for (int lane = 0; lane < w; ++lane)
          sums[lane] = fma(load(x + p, tail), load(lines[lane] + p, tail), sums[lane]);
      }
      store(out + r * kKeyBlock + first, sums_of<T>(sums));
    }
  }
}

template <class T, int kVectors, class Read>
inline void gather_columns(i64 keys, const T* weights, const T* value, i64 value_row, T* sums, T factor, Read&& read) {
  constexpr int w = kWidth<T>;
  Vec<T> even[kVectors] = {}, odd[kVectors] = {};
  i64 k = 0;
  for (; k + 2 <= keys; k += 2, value += 2 * value_row) {
    const Vec<T> x = broadcast(weights[k]), y = broadcast(weights[k + 1]);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      even[v] = fma(x, read(value + v * w), even[v]);
      odd[v] = fma(y, read(value + value_row + v * w), odd[v]);
    }
  }
  for (int v = 0; k < keys && v < kVectors; ++v) even[v] = fma(broadcast(weights[k]), read(value + v * w), even[v]);
  for (int v = 0; v < kVectors; ++v) store(sums + v * w, fma(load(sums + v * w), broadcast(factor), even[v] + odd[v]));
}

template <class T>
void gather(i64 rows, i64 keys, i64 columns, const T* weights, const T* value, i64 value_row, T* sums, i64 sums_row,
            const T* factor) {
  constexpr int w = kWidth<T>, kTogether = 4;
  auto whole = [](const T* p) { return load(p); };
  for (i64 r = 0; r < rows; ++r, weights += kKeyBlock, sums += sums_row) {
    i64 j = 0;
    for (; j + kTogether * w <= columns; j += kTogether * w) {
      gather_columns<T, kTogether>(keys, weights, value + j, value_row, sums + j, factor[r], whole);
    }
    for (; j + w <= columns; j += w)
      gather_columns<T, 1>(keys, weights, value + j, value_row, sums + j, factor[r], whole);
    if (j == columns) continue;
    const Lanes<T> tail(static_cast<int>(columns - j));
    gather_columns<T, 1>(keys, weights, value + j, value_row, sums + j, factor[r],
                         [tail](const T* p) { return load(p, tail); });
  }
}

}  // namespace pyflame::cpu::PYFLAME_TIER
