// Splitting a view's dimensions into kept and reduced ones, and walking them.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

struct Axis {
  i64 size, stride, out_stride;
};

struct AxisList {
  int count = 0;
  Axis axes[kMaxDims];

  AxisList() {}  // axes stay unset
  void push(Axis axis) { axes[count++] = axis; }
  Axis take(int i) {
    Axis axis = axes[i];
    for (--count; i < count; ++i) axes[i] = axes[i + 1];
    return axis;
  }
  i64 numel() const {
    i64 n = 1;
    for (int i = 0; i < count; ++i) n *= axes[i].size;
    return n;
  }
  int smallest_stride() const {
    int best = 0;
    for (int i = 1; i < count; ++i) {
      if (axes[i].stride <= axes[best].stride) best = i;
    }
    return best;
  }

  struct Place {
    i64 in, out;
  };
  Place at(i64 flat) const {
    Place place{0, 0};
    for (int i = count - 1; i >= 0; --i) {
      i64 index = i == 0 ? flat : flat % axes[i].size;
      flat = i == 0 ? 0 : flat / axes[i].size;
      place.in += index * axes[i].stride;
      place.out += index * axes[i].out_stride;
    }
    return place;
  }
};

// Merges neighbours, drops size 1; strides of the (contiguous) result go to out_stride of the kept axes.
inline void split_axes(const View& in, u32 mask, AxisList& kept, AxisList& reduced) {
  i64 out_strides[kMaxDims], step = 1;
  for (int i = in.shape.ndim; i-- > 0;) {
    out_strides[i] = mask >> i & 1 ? 0 : step;
    if (!(mask >> i & 1)) step *= in.shape[i];
  }
  bool neighbours = false, last_reduced = false;
  for (int i = 0; i < in.shape.ndim; ++i) {
    if (in.shape[i] == 1) continue;
    bool is_reduced = mask >> i & 1;
    AxisList& list = is_reduced ? reduced : kept;
    Axis axis{in.shape[i], in.strides[i], out_strides[i]};
    if (neighbours && is_reduced == last_reduced && list.axes[list.count - 1].stride == axis.stride * axis.size) {
      axis.size *= list.axes[list.count - 1].size;
      list.axes[list.count - 1] = axis;
    } else {
      list.push(axis);
    }
    neighbours = true;
    last_reduced = is_reduced;
  }
}

}  // namespace pyflame::cpu
