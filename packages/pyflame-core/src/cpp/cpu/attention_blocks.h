// Operands of attention in the order its loops read them: rows padded with zeros, keys transposed where they are the
// columns of a product.
#pragma once
#include <cstring>

#include "cpu/attention.h"
#include "cpu/attention_table.h"
#include "cpu/elementwise_table.h"
#include "cpu/gemm_kernels.h"

namespace pyflame::cpu {

struct AttentionSizes {
  i64 batch, heads, groups, queries, keys, features, values;

  explicit AttentionSizes(const AttentionInputs& in)
      : batch(in.query.shape[0]), heads(in.query.shape[1]), groups(in.key.shape[1]), queries(in.query.shape[2]),
        keys(in.key.shape[2]), features(in.query.shape[3]), values(in.value.shape[3]) {}
  static i64 padded(i64 n) { return (n + kAttentionPad - 1) / kAttentionPad * kAttentionPad; }
  i64 key_columns() const { return padded(keys); }
  i64 feature_columns() const { return padded(features); }
  i64 value_columns() const { return padded(values); }
  i64 heads_per_group() const { return heads / groups; }
  // Columns of the packed block of keys that begins with key `start`.
  i64 block_width(i64 start) const { return keys - start < kKeyBlock ? padded(keys - start) : kKeyBlock; }
  // Keys that some query of [first, last) sees.
  i64 reach(bool causal, i64 last) const { return causal && last < keys ? last : keys; }
};

// Row `index` of the matrix (batch, head) of a view, converted and scaled, the padding zero.
template <class T>
inline void read_row(const View& view, i64 batch, i64 head, i64 index, i64 columns, T* to) {
  const i64 n = view.shape[3];
  const i64 offset = batch * view.strides[0] + head * view.strides[1] + index * view.strides[2];
  const char* from = static_cast<const char*>(view.data) + offset * dtype_size(view.dtype);
  active_convert_table().load[static_cast<int>(view.dtype)](to, from, view.strides[3], n);
  for (i64 j = n; j < columns; ++j) to[j] = T(0);
}

// Rows [first, first + count) one after the other, up to `room` rows of zeros behind them.
template <class T>
inline void pack_rows(const View& view, i64 batch, i64 head, i64 first, i64 count, i64 room, i64 columns, T* to) {
  for (i64 r = 0; r < count; ++r) read_row(view, batch, head, first + r, columns, to + r * columns);
  if (room > count) std::memset(to + count * columns, 0, static_cast<std::size_t>((room - count) * columns) * sizeof(T));
}

// All rows, transposed block by block of kKeyBlock: block `start` is a matrix (row length, block_width(start)) at
// to + start * row length, the columns beyond the last row zero. `line` has room for kKeyBlock rows.
template <class T>
inline void pack_transposed(const View& view, i64 batch, i64 head, T* line, T* to) {
  const i64 rows = view.shape[2], n = view.shape[3];
  const bool as_it_lies = view.dtype == (sizeof(T) == 8 ? DType::kFloat64 : DType::kFloat32);
  for (i64 start = 0; start < rows; start += kKeyBlock) {
    const i64 count = rows - start < kKeyBlock ? rows - start : kKeyBlock, width = AttentionSizes::padded(count);
    if (as_it_lies) {
      const T* from = view.as<T>() + batch * view.strides[0] + head * view.strides[1] + start * view.strides[2];
      product_kernels<T>().pack(from, view.strides[2], view.strides[3], count, n, width, to + start * n);
      continue;
    }
    for (i64 r = 0; r < count; ++r) read_row(view, batch, head, start + r, n, line + r * n);
    product_kernels<T>().pack(line, n, 1, count, n, width, to + start * n);
  }
}

template <class T>
inline void write_row(const View& view, i64 row, const T* from) {
  const i64 n = view.shape[view.shape.ndim - 1];
  active_convert_table().store[static_cast<int>(view.dtype)](view.as<char>() + row * n * dtype_size(view.dtype), from, n);
}

// Scores of queries [first, first + rows) and keys [start, start + width): what the mask adds, and what is out of sight.
template <class T>
class Mask {
 public:
  Mask(const AttentionOptions& options, const View& mask, const AttentionSizes& sizes)
      : mask_(mask), causal_(options.causal), keys_(sizes.keys) {}

  // `scratch` has room for kKeyBlock elements.
  void apply(i64 batch, i64 head, i64 first, i64 rows, i64 start, i64 width, T* scores, T* scratch) const {
    const T never = static_cast<T>(-__builtin_inf());
    const bool ends = start + width > keys_, diagonal = causal_ && start + width > first + 1;
    if (!mask_.data && !ends && !diagonal) return;
    for (i64 r = 0; r < rows; ++r) {
      T* row = scores + r * kKeyBlock;
      i64 seen = keys_ - start;
      if (causal_ && first + r + 1 - start < seen) seen = first + r + 1 - start;
      if (seen > width) seen = width;
      if (seen < 0) seen = 0;
      if (mask_.data) add(batch, head, first + r, start, seen, row, scratch);
      for (i64 j = seen; j < width; ++j) row[j] = never;
    }
  }

 private:
  void add(i64 batch, i64 head, i64 query, i64 start, i64 count, T* row, T* scratch) const {
    const Shape& s = mask_.strides;
    const i64 offset = batch * s[0] + head * s[1] + query * s[2] + start * s[3];
    const char* from = static_cast<const char*>(mask_.data) + offset * dtype_size(mask_.dtype);
    if (mask_.dtype == DType::kBool) {
      for (i64 j = 0; j < count; ++j) row[j] = from[j * s[3]] ? row[j] : static_cast<T>(-__builtin_inf());
      return;
    }
    active_convert_table().load[static_cast<int>(mask_.dtype)](scratch, from, s[3], count);
    for (i64 j = 0; j < count; ++j) row[j] += scratch[j];
  }

  const View& mask_;
  bool causal_;
  i64 keys_;
};

template <class T>
const AttentionKernels<T>& attention_kernels() {
  if constexpr (sizeof(T) == 8) {
    return active_attention_table().wide;
  } else {
    return active_attention_table().single;
  }
}

}  // namespace pyflame::cpu
