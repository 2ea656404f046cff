// A typed, strided window on memory: what every kernel reads and writes.
#pragma once
#include "base/shape.h"

namespace pyflame {

struct View {
  void* data;      // address of element (0, ..., 0)
  DType dtype;
  Shape shape;
  Shape strides;   // in elements; 0 where a dimension repeats; never negative

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  i64 numel() const { return shape.numel(); }
  bool contiguous() const { return is_contiguous(shape, strides); }
};

}  // namespace pyflame
