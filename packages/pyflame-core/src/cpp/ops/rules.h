// Dtype and shape rules shared by many records.
#pragma once
#include "base/error.h"
#include "graph/opdef.h"

namespace pyflame::ops {

inline DType bool_result(const graph::Call&) { return DType::kBool; }
inline DType int64_result(const graph::Call&) { return DType::kInt64; }
inline DType first_dtype(const graph::Call& call) { return call.dtype(0); }
inline Shape first_shape(const graph::Call& call) { return call.shape(0); }

// An attribute list: its length, then its values.
inline Shape read_list(const i64* words) { return Shape(words + 1, static_cast<int>(words[0])); }
inline const i64* after_list(const i64* words) { return words + 1 + words[0]; }

// The shape left when the dimensions of `mask` are reduced.
inline Shape reduced_shape(const i64* dims, int ndim, u32 mask, bool keepdim) {
  Shape out;
  for (int i = 0; i < ndim; ++i) {
    if (!(mask >> i & 1)) out.push(dims[i]);
    else if (keepdim) out.push(1);
  }
  return out;
}
inline Shape reduced_shape(const Shape& in, u32 mask, bool keepdim) { return reduced_shape(in.dims, in.ndim, mask, keepdim); }

// One pass over inputs and output, `flops` per output element.
template <int flops>
graph::Cost streaming_cost(const graph::Call& call, const Shape& out) {
  double bytes = static_cast<double>(out.numel()) * 4;
  for (int i = 0; i < call.count; ++i) bytes += static_cast<double>(call[i].numel()) * dtype_size(call.dtype(i));
  return {static_cast<double>(out.numel()) * flops, bytes};
}

// What moments and sums of a dtype are computed in.
inline DType wide(DType dtype) { return dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32; }

inline double attr_double(i64 word) {
  double value;
  __builtin_memcpy(&value, &word, sizeof value);
  return value;
}
inline i64 double_attr(double value) {
  i64 word;
  __builtin_memcpy(&word, &value, sizeof word);
  return word;
}

}  // namespace pyflame::ops
