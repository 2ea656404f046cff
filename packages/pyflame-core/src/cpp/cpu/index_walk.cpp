#include "cpu/index_walk.h"

#include <string>

#include "base/error.h"

namespace pyflame::cpu {

IndexWalk::IndexWalk(const char* op, const View& big_view, int dim, const View& index_view, const View& small_view,
                     bool wraps)
    : op(op), dim(dim), wraps(wraps) {
  const Shape& extents = index_view.shape;
  if (extents.ndim == 0) {  // a scalar is one element along dimension 0
    size = 1, dim_stride = 0, along_last = true;
    shape = Shape{1}, big = index = small = Shape{0};
    return;
  }
  size = big_view.shape[dim], dim_stride = big_view.strides[dim];
  bool previous_is_dim = true;
  for (int d = 0; d < extents.ndim; ++d) {
    i64 extent = extents[d], strides[3] = {d == dim ? 0 : big_view.strides[d], index_view.strides[d],
                                           small_view.strides[d]};
    if (d != dim && !previous_is_dim) {
      int last = shape.ndim - 1;
      if (big[last] == strides[0] * extent && index[last] == strides[1] * extent &&
          small[last] == strides[2] * extent) {
        shape[last] *= extent, big[last] = strides[0], index[last] = strides[1], small[last] = strides[2];
        continue;
      }
    }
    shape.push(extent), big.push(strides[0]), index.push(strides[1]), small.push(strides[2]);
    previous_is_dim = d == dim;
  }
  along_last = dim == extents.ndim - 1;
}

i64 IndexWalk::runs() const {
  i64 n = 1;
  for (int d = 0; d + 1 < shape.ndim; ++d) n *= shape[d];
  return shape[shape.ndim - 1] == 0 ? 0 : n;
}

void IndexWalk::out_of_range(i64 value) const {
  index_error("[" + std::string(op) + "] index " + std::to_string(value) + " is out of range for dimension " +
              std::to_string(dim) + " with size " + std::to_string(size));
}

View narrow(const View& view, int dim, i64 begin, i64 end) {
  View part = view;
  part.data = static_cast<char*>(view.data) + begin * view.strides[dim] * dtype_size(view.dtype);
  part.shape[dim] = end - begin;
  return part;
}

View spread_index(const View& index, const Shape& like, int dim) {
  View spread{index.data, index.dtype, like, Shape()};
  for (int d = 0; d < like.ndim; ++d) spread.strides.push(d == dim && index.shape.ndim ? index.strides[0] : 0);
  return spread;
}

}  // namespace pyflame::cpu
