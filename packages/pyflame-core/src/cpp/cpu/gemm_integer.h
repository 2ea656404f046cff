// Products of integers through the kernels for floats.
#pragma once
#include "cpu/gemm_kernels.h"

namespace pyflame::cpu {

using i32 = std::int32_t;

// Exact. False, and nothing done, where numbers are too large for it or the product too small to gain.
bool gemm_small_integers(const Product<i32>& product);

}  // namespace pyflame::cpu
