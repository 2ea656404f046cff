// Attention without the matrix of scores: queries meet keys block by block (Milakov, Gimelshein, "Online normalizer
// calculation for softmax", 2018; Dao et al., "FlashAttention", 2022).
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

struct AttentionOptions {
  double scale;
  bool causal;  // query i sees the keys up to i
};

// query (batch, heads, queries, features), key and value (batch, groups, keys, ...), any strides; heads is a multiple of
// groups, which consecutive heads share. `mask` may have no data; otherwise it is broadcast to (batch, heads, queries,
// keys) by strides: bool, true where a key is seen, or of query's dtype, added to the scores.
struct AttentionInputs {
  View query, key, value, mask;
};

// out (batch, heads, queries, value features); total (batch, heads, queries), float64 or float32: the logarithm of the sum
// of exponentials of each row, plus infinity where no key is seen (out is 0 there).
void attention(const AttentionOptions& options, const AttentionInputs& in, const View& out, const View& total);

// From the gradient of out, contiguous as all results are.
void attention_grad(const AttentionOptions& options, const AttentionInputs& in, const View& grad, const View& out,
                    const View& total, const View& grad_query, const View& grad_key, const View& grad_value);

}  // namespace pyflame::cpu
