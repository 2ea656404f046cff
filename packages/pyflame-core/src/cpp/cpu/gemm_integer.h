// Products of integers through the kernels for floats.
#pragma once
#include "cpu/gemm_kernels.h"

namespace pyflame::cpu {

using i32 = std::int32_t;

// Exact: int32 by way of float or double, int64 of double. False, and nothing done, where numbers are too large for it or the
// product too small to gain.
template <class T>
bool gemm_small_integers(const Product<T>& product);

}  // namespace pyflame::cpu
