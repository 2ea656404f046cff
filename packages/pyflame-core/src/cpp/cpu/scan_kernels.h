// Running sums of one line, whose steps would wait for each other.
#pragma once
#include "base/dtype.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

// values[i] becomes the sum of what came before, `running`, and of the elements up to it; from the end when reversed.
// Returns the sum with all of them. Sums of float are kept in double.
struct ScanKernels {
  double (*sum_float)(float* values, i64 n, bool reverse, double running);
  double (*sum_double)(double* values, i64 n, bool reverse, double running);
  i64 (*sum_int)(i64* values, i64 n, bool reverse, i64 running);
};

PYFLAME_DECLARE_TIERS(ScanKernels, scan_kernels)

}  // namespace pyflame::cpu
