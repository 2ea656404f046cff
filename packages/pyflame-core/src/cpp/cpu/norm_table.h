// The vectorised inner loops of normalization, one table per instruction-set tier.
#pragma once
#include "base/dtype.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

// How one row is normalized: `n` elements, `segment` of them per weight (1: every element has its own).
struct NormRow {
  i64 n, segment;
  double eps;
  bool centred;  // subtract the mean; false for the root mean square
};

template <class T>
struct NormKernels {
  // weight and bias may be null.
  void (*forward)(const NormRow& row, T* out, const T* x, const T* weight, const T* bias);
  // Adds the row's share to grad_weight and grad_bias where they are not null.
  void (*backward)(const NormRow& row, T* out, const T* grad, const T* x, const T* weight, T* grad_weight, T* grad_bias);
};
struct NormTable {
  NormKernels<float> single;
  NormKernels<double> wide;
};

PYFLAME_DECLARE_TIERS(NormTable, norm_table)

}  // namespace pyflame::cpu
