// Pooling of one plane.
#pragma once
#include "cpu/pool.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

struct PoolPlane {
  PoolGeometry g;
  i64 h, w, oh, ow;
  bool count_include_pad;
  i64 divisor;  // 0: by window
  const i64* taps = nullptr;  // for positions: places of the window's elements in the plane, from its first
};

struct PoolKernels {
  void (*max[kNumDTypes])(const PoolPlane& plane, const void* in, void* out, i64* indices);  // no halves, no bool
  // Rows [begin, end) of the results of one image with channels innermost; no positions.
  void (*max_last_f32)(const PoolPlane& plane, i64 channels, const float* in, i64 begin, i64 end, float* out);
  void (*average_f32)(const PoolPlane& plane, const float* in, float* out);
  void (*average_f64)(const PoolPlane& plane, const double* in, double* out);
  // Add to `out`.
  void (*average_grad_f32)(const PoolPlane& plane, const float* grad, float* out);
  void (*average_grad_f64)(const PoolPlane& plane, const double* grad, double* out);
};

PYFLAME_DECLARE_TIERS(PoolKernels, pool_kernels)

}  // namespace pyflame::cpu
