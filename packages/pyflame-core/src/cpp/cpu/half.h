// Conversion of contiguous runs between the half-precision dtypes and float.
#pragma once
#include "cpu/tier.h"
#include "base/dtype.h"

namespace pyflame::cpu {

struct HalfKernels {  // [dtype == kBFloat16]
  void (*widen[2])(const u16* in, i64 n, float* out);
  void (*narrow[2])(const float* in, i64 n, u16* out);
};

PYFLAME_DECLARE_TIERS(HalfKernels, half_kernels)

inline void halves_to_float(DType dtype, const void* in, i64 n, float* out) {
  active_half_kernels().widen[dtype == DType::kBFloat16](static_cast<const u16*>(in), n, out);
}
inline void float_to_halves(DType dtype, const float* in, i64 n, void* out) {
  active_half_kernels().narrow[dtype == DType::kBFloat16](in, n, static_cast<u16*>(out));
}

}  // namespace pyflame::cpu
