// Products of halves: blocks are converted to float, multiplied and accumulated there, and rounded once.
#pragma once
#include "base/buffer.h"
#include "cpu/gemm_kernels.h"

namespace pyflame::cpu {

void gemm_half(DType dtype, const Product<u16>& product, Buffer* weight = nullptr);

}  // namespace pyflame::cpu
