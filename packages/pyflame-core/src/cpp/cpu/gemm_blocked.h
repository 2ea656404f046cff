// Blocked matrix product for float and double, around the kernels of gemm_kernels.h.
#pragma once
#include "base/buffer.h"
#include "cpu/gemm_kernels.h"

namespace pyflame::cpu {

// Work below this many multiply-adds stays on the calling thread.
inline constexpr i64 kThreadedWork = 1 << 19;

// Any strides. Every element of C is the sum over K in one fixed order, however the work is split.
// `weight`: the buffer that B lies in, or nullptr.
template <class T>
void gemm(Product<T> product, Buffer* weight = nullptr);
// Without the tile unit.
template <class T>
void gemm_plain(Product<T> product);

// Packs an m x k block of A into panels of `rows` rows: for each column, a number of each row.
template <class T>
void pack_rows(const T* a, i64 a_row, i64 a_col, i64 m, i64 k, i64 rows, T* packed);

}  // namespace pyflame::cpu
