// Runs of half-precision values to and from float.
#include "base/half.h"
#include "cpu/half.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

void widen_half(const u16* __restrict in, i64 n, float* __restrict out) {
  for (i64 i = 0; i < n; ++i) out[i] = float16_to_float(in[i]);
}
void widen_brain(const u16* __restrict in, i64 n, float* __restrict out) {
  for (i64 i = 0; i < n; ++i) out[i] = bfloat16_to_float(in[i]);
}
void narrow_half(const float* __restrict in, i64 n, u16* __restrict out) {
  for (i64 i = 0; i < n; ++i) out[i] = float_to_float16(in[i]);
}
void narrow_brain(const float* __restrict in, i64 n, u16* __restrict out) {
  for (i64 i = 0; i < n; ++i) out[i] = float_to_bfloat16(in[i]);
}

}  // namespace

const HalfKernels half_kernels = {{widen_half, widen_brain}, {narrow_half, narrow_brain}};

}  // namespace pyflame::cpu::PYFLAME_TIER
