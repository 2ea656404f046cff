// Copies and zeros of a few bytes without a call.
#pragma once
#include <cstring>

#include "base/dtype.h"

namespace pyflame::cpu {

// Two overlapping moves of N bytes for N to 2 N.
template <int N>
inline void copy_ends(char* to, const char* from, i64 n) {
  char first[N], last[N];
  std::memcpy(first, from, N);
  std::memcpy(last, from + n - N, N);
  std::memcpy(to, first, N);
  std::memcpy(to + n - N, last, N);
}

inline void copy_bytes(char* to, const char* from, i64 n) {
  if (n > 256) {
    std::memcpy(to, from, static_cast<std::size_t>(n));
  } else if (n > 32) {
    for (i64 i = 0; i + 32 < n; i += 32) std::memcpy(to + i, from + i, 32);
    std::memcpy(to + n - 32, from + n - 32, 32);
  } else if (n >= 16) {
    copy_ends<16>(to, from, n);
  } else if (n >= 8) {
    copy_ends<8>(to, from, n);
  } else if (n >= 4) {
    copy_ends<4>(to, from, n);
  } else {
    for (i64 i = 0; i < n; ++i) to[i] = from[i];
  }
}

template <int N>
inline void clear_ends(char* to, i64 n) {
  std::memset(to, 0, N);
  std::memset(to + n - N, 0, N);
}

inline void clear_bytes(char* to, i64 n) {
  if (n > 32) {
    std::memset(to, 0, static_cast<std::size_t>(n));
  } else if (n >= 16) {
    clear_ends<16>(to, n);
  } else if (n >= 8) {
    clear_ends<8>(to, n);
  } else if (n >= 4) {
    clear_ends<4>(to, n);
  } else {
    for (i64 i = 0; i < n; ++i) to[i] = 0;
  }
}

}  // namespace pyflame::cpu
