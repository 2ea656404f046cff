#include "base/shape.h"

#include "base/error.h"

namespace pyflame {

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (int i = 0; i < shape.ndim; ++i) {
    if (i) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + (shape.ndim == 1 ? ",)" : ")");
}

Shape contiguous_strides(const Shape& shape) {
  Shape strides;
  strides.ndim = shape.ndim;
  i64 step = 1;
  for (int i = shape.ndim; i-- > 0;) {
    strides[i] = step;
    step *= shape[i] > 0 ? shape[i] : 1;
  }
  return strides;
}

bool is_contiguous(const Shape& shape, const Shape& strides) {
  i64 step = 1;
  for (int i = shape.ndim; i-- > 0;) {
    if (shape[i] == 0) return true;
    if (shape[i] != 1 && strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b) {
  Shape out;
  out.ndim = a.ndim > b.ndim ? a.ndim : b.ndim;
  for (int i = 1; i <= out.ndim; ++i) {
    i64 p = i <= a.ndim ? a[a.ndim - i] : 1, q = i <= b.ndim ? b[b.ndim - i] : 1;
    if (p != q && p != 1 && q != 1) {
      runtime_error("[" + std::string(op) + "] shapes " + to_string(a) + " and " + to_string(b) +
                    " do not broadcast: sizes " + std::to_string(p) + " and " + std::to_string(q) +
                    " at dimension " + std::to_string(out.ndim - i) + " differ and neither is 1");
    }
    out[out.ndim - i] = p == 1 ? q : p;
  }
  return out;
}

Shape broadcast_strides(const Shape& shape, const Shape& strides, const Shape& target) {
  Shape out;
  out.ndim = target.ndim;
  int lead = target.ndim - shape.ndim;
  for (int i = 0; i < target.ndim; ++i) out[i] = i < lead || shape[i - lead] == 1 ? 0 : strides[i - lead];
  return out;
}

int wrap_dim(const char* op, i64 dim, int ndim) {
  int rank = ndim > 0 ? ndim : 1;
  if (dim < -rank || dim >= rank) {
    index_error("[" + std::string(op) + "] dim " + std::to_string(dim) + " is out of range: expected " +
                std::to_string(-rank) + " to " + std::to_string(rank - 1) + " for a tensor with " +
                std::to_string(ndim) + " dimensions");
  }
  return static_cast<int>(dim < 0 ? dim + rank : dim);
}

void check_shape(const char* op, const Shape& shape) {
  i64 n = 1;
  bool overflow = false, empty = false;
  for (i64 extent : shape) {
    if (extent < 0) {
      runtime_error("[" + std::string(op) + "] shape " + to_string(shape) + " has a negative size");
    }
    if (extent == 0) empty = true;
    if (!empty) overflow |= __builtin_mul_overflow(n, extent, &n);
  }
  if (!empty && (overflow || n > (INT64_MAX >> 4))) {
    runtime_error("[" + std::string(op) + "] shape " + to_string(shape) + " has more elements than can be addressed");
  }
}

}  // namespace pyflame
