// The inner loops of attention over packed blocks, one table per instruction-set tier.
#pragma once
#include "base/dtype.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

inline constexpr i64 kQueryBlock = 48, kKeyBlock = 128;
// Rows of packed operands are padded with zeros to this many elements.
inline constexpr i64 kAttentionPad = 16;

// C (rows x columns, columns a multiple of kAttentionPad) = A @ B, or C += A @ B. A's elements may lie anywhere; rows of B
// and C are contiguous.
template <class T>
struct AttentionKernels {
  void (*product)(i64 rows, i64 columns, i64 inner, const T* a, i64 a_row, i64 a_step, const T* b, i64 b_row, T* c,
                  i64 c_row, bool accumulate);
  // Scores, kKeyBlock apart, of few queries, `features` apart, and keys where they lie. Up to kAttentionPad - 1 numbers
  // without meaning follow those of a row.
  void (*scores)(i64 rows, i64 keys, i64 features, const T* query, const T* key, i64 key_row, T* scores);
  // sums[r] = sums[r] * factor[r] + weights[r] @ value, for few rows of weights, kKeyBlock apart.
  void (*gather)(i64 rows, i64 keys, i64 columns, const T* weights, const T* value, i64 value_row, T* sums, i64 sums_row,
                 const T* factor);
  // Online softmax of rows of `keys` scores (a multiple of kAttentionPad), kKeyBlock apart: scores become exponentials
  // relative to the new maximum of their row, top and total move on, factor is what earlier results shrink by. The three
  // have room for kQueryBlock elements.
  void (*advance)(T* scores, i64 rows, i64 keys, T* top, T* total, T* factor);
  // p = exp(scores - shift) in `scores`, p * (grads - delta) in `grads`. Delta is the sum of p * grads over all keys of the
  // row. Null: these are all, so p is scaled to a sum of 1, which a rounded shift among large scores leaves it short of, and
  // delta is summed from it.
  void (*differentiate)(T* scores, T* grads, i64 keys, T shift, const T* delta);
  void (*scale)(T* row, i64 n, T factor);
};
struct AttentionTable {
  AttentionKernels<float> single;
  AttentionKernels<double> wide;
};

PYFLAME_DECLARE_TIERS(AttentionTable, attention_table)

}  // namespace pyflame::cpu
