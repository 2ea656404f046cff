// The inner loops of copies.
#pragma once
#include "base/dtype.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

struct CopyKernels {
  void (*bytes)(char* to, const char* from, i64 n);
  // to[i] = from[-i] for n elements of 1, 2, 4 and 8 bytes.
  void (*reversed[4])(void* to, const void* from, i64 n);
};

PYFLAME_DECLARE_TIERS(CopyKernels, copy_kernels)

}  // namespace pyflame::cpu
