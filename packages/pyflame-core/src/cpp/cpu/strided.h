// Walking strided memory in logical order.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

// A view's dimensions without those of size 1 and with neighbours merged where one stride spans both.
struct StridedDims {
  int ndim;
  i64 size[kMaxDims], stride[kMaxDims];

  StridedDims() {}  // stays unset: clearing an array of these would cost more than a small kernel
  StridedDims(const Shape& shape, const Shape& strides) { assign(shape, strides); }

  void assign(const Shape& shape, const Shape& strides) {
    ndim = 0;
    for (int i = 0; i < shape.ndim; ++i) {
      if (shape[i] == 1) continue;
      if (ndim > 0 && stride[ndim - 1] == strides[i] * shape[i]) {
        size[ndim - 1] *= shape[i];
        stride[ndim - 1] = strides[i];
      } else {
        size[ndim] = shape[i];
        stride[ndim++] = strides[i];
      }
    }
    if (ndim == 0) {
      size[0] = 1;
      stride[0] = 1;
      ndim = 1;
    }
  }

  bool is_flat() const { return ndim == 1 && (stride[0] == 1 || size[0] == 1); }
  bool is_constant() const { return ndim == 1 && stride[0] == 0; }
};

// Calls row(offset, stride, count) for the pieces of [begin, end), in order, each within one innermost row.
template <class Row>
inline void for_each_row(const StridedDims& dims, i64 begin, i64 end, Row&& row) {
  if (begin >= end) return;  // nothing to divide by where a dimension is empty
  int last = dims.ndim - 1;
  i64 index[kMaxDims], offset = 0, rest = begin;
  for (int d = last; d >= 0; --d) {
    index[d] = d == 0 ? rest : rest % dims.size[d];
    rest = d == 0 ? 0 : rest / dims.size[d];
    offset += index[d] * dims.stride[d];
  }
  while (begin < end) {
    i64 count = dims.size[last] - index[last];
    if (count > end - begin) count = end - begin;
    row(offset, dims.stride[last], count);
    begin += count;
    offset -= index[last] * dims.stride[last];
    index[last] = 0;
    for (int d = last - 1; d >= 0; --d) {
      offset += dims.stride[d];
      if (++index[d] < dims.size[d]) break;
      offset -= dims.size[d] * dims.stride[d];
      index[d] = 0;
    }
  }
}

}  // namespace pyflame::cpu
