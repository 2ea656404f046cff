// The vectorised generators behind random.h, one table per instruction-set tier.
#pragma once
#include "cpu/random.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

// Each fills whole groups: elements for counters from key.offset on, 64 (float) or 32 (double, integers) a group.
struct RandomTable {
  void (*uniform_float)(RandomKey key, int bits, float* out, i64 groups);
  void (*uniform_double)(RandomKey key, double* out, i64 groups);
  void (*normal_float)(RandomKey key, float* out, i64 groups);
  void (*normal_double)(RandomKey key, double* out, i64 groups);
  void (*integers)(RandomKey key, i64 low, u64 range, i64* out, i64 groups);  // range 0 means 2^64
};

PYFLAME_DECLARE_TIERS(RandomTable, random_table)

}  // namespace pyflame::cpu
