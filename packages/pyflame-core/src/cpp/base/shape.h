// Shape: a small vector of extents (also used for strides), and broadcasting.
#pragma once
#include <cstring>
#include <initializer_list>
#include <string>

#include "base/dtype.h"

namespace pyflame {

inline constexpr int kMaxDims = 16;

struct Shape {
  i64 dims[kMaxDims];
  int ndim = 0;

  Shape() = default;
  Shape(const i64* values, int n) : ndim(n) {
    if (n) std::memcpy(dims, values, sizeof(i64) * n);  // no values may come as a null pointer
  }
  Shape(std::initializer_list<i64> values) {
    for (i64 value : values) dims[ndim++] = value;
  }

  i64& operator[](int i) { return dims[i]; }
  i64 operator[](int i) const { return dims[i]; }
  void push(i64 value) { dims[ndim++] = value; }
  const i64* begin() const { return dims; }
  const i64* end() const { return dims + ndim; }
  bool operator==(const Shape& other) const {
    return ndim == other.ndim && std::memcmp(dims, other.dims, sizeof(i64) * ndim) == 0;
  }
  bool operator!=(const Shape& other) const { return !(*this == other); }
  i64 numel() const {
    i64 n = 1;
    for (int i = 0; i < ndim; ++i) n *= dims[i];
    return n;
  }
};

std::string to_string(const Shape& shape);  // "(2, 3)", "(2,)", "()"

// Row-major strides in elements.
Shape contiguous_strides(const Shape& shape);
bool is_contiguous(const Shape& shape, const Shape& strides);

// Throws RuntimeError "[op] shapes (..) and (..) do not broadcast: ..".
Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b);

// Strides for reading `shape` as if it had been broadcast to `target` (0 where it repeats).
Shape broadcast_strides(const Shape& shape, const Shape& strides, const Shape& target);

// Wraps a negative dim; throws IndexError naming op, dim and rank. A 0-d tensor accepts 0 and -1.
int wrap_dim(const char* op, i64 dim, int ndim);

// Throws RuntimeError when the product of extents overflows or an extent is negative.
void check_shape(const char* op, const Shape& shape);

}  // namespace pyflame
