// The inner loops of reading through an index.
#pragma once
#include "base/dtype.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

// out[j] = from[j * from_step + index[j] * stride].
struct TakeRun {
  i64 n;
  void* out;
  const void* from;
  i64 from_step;
  const i64* index;
  i64 stride;
};

struct IndexTakeKernels {
  void (*take[4])(const TakeRun& run);  // of elements of 1, 2, 4 and 8 bytes; index values have been checked
  bool (*within)(const i64* index, i64 n, i64 size);  // all of them at least 0 and below size
};

PYFLAME_DECLARE_TIERS(IndexTakeKernels, index_take_kernels)

}  // namespace pyflame::cpu
