// The inner loops of copies.
#pragma once
#include "base/dtype.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

inline constexpr i64 kSpreadSlack = 64;

constexpr int log_size(i64 bytes) { return bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3; }

struct CopyKernels {
  void (*bytes)(char* to, const char* from, i64 n);
  // to[i] = from[-i] for n elements of 1, 2, 4 and 8 bytes.
  void (*reversed[4])(void* to, const void* from, i64 n);
  // Each of `rows` elements, `step` apart, n times. Up to kSpreadSlack bytes beyond may be written.
  void (*spread[4])(void* to, const void* from, i64 step, i64 rows, i64 n);
  // to[c * to_step + r] = from[r * from_step + c] for rows r and columns c, of elements of 4 bytes.
  void (*transpose)(u32* to, i64 to_step, const u32* from, i64 from_step, i64 rows, i64 columns);
};

PYFLAME_DECLARE_TIERS(CopyKernels, copy_kernels)

}  // namespace pyflame::cpu
