// The vectorised inner loops of batch normalization, one table per instruction-set tier.
#pragma once
#include "base/dtype.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

// `count` runs of `length` consecutive elements, `stride` apart: the planes of one channel, or rows of columns.
struct Runs {
  i64 count, stride, length;
};

// One channel whose elements lie in runs or, in the other form, a channel for each column of the runs.
template <class T>
struct BatchNormKernels {
  void (*moments)(const Runs& runs, const T* x, double* mean, double* variance);
  // out = (x - mean) * scale + shift
  void (*forward)(const Runs& runs, T* out, const T* x, T mean, T scale, T shift);
  // Sums of grad and of grad * (x - mean).
  void (*sums)(const Runs& runs, const T* grad, const T* x, T mean, double* grads, double* products);
  // out = (grad - level - (x - mean) * slope) * scale
  void (*backward)(const Runs& runs, T* out, const T* grad, const T* x, T mean, T scale, T level, T slope);

  void (*column_moments)(const Runs& runs, const T* x, double* mean, double* variance);
  void (*column_forward)(const Runs& runs, T* out, const T* x, const T* mean, const T* scale, const T* shift);
  void (*column_sums)(const Runs& runs, const T* grad, const T* x, const T* mean, double* grads, double* products);
  void (*column_backward)(const Runs& runs, T* out, const T* grad, const T* x, const T* mean, const T* scale, const T* level,
                          const T* slope);
};
struct BatchNormTable {
  BatchNormKernels<float> single;
  BatchNormKernels<double> wide;
};

PYFLAME_DECLARE_TIERS(BatchNormTable, batch_norm_table)

}  // namespace pyflame::cpu
