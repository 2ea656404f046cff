// Matrix products.
#pragma once
#include "base/buffer.h"
#include "cpu/gemm_kernels.h"
#include "cpu/view.h"

namespace pyflame::cpu {

// out[..., m, n] = a[..., m, k] @ b[..., k, n]. Views have equal rank >= 2 with batch dimensions broadcast (stride
// 0); a and b any strides (transposes are not copied), out contiguous; one dtype. Halves accumulate in float,
// integers wrap, bool is or-of-ands. k == 0 gives zeros. `weight`: the buffer that b lies in, where it may be kept packed
// as long as it stays the same, or nullptr. `epilogue`: of float32 only.
void matmul(const View& a, const View& b, const View& out, Buffer* weight = nullptr,
            const ProductEpilogue<float>& epilogue = {});

// Row-major building block for convolution: C (m x n, row stride ldc) = A @ B (+ C when accumulate).
void gemm_f32(i64 m, i64 n, i64 k, const float* a, i64 a_row, i64 a_col, const float* b, i64 b_row, i64 b_col,
              float* c, i64 ldc, bool accumulate);

}  // namespace pyflame::cpu
