// What records that work along one dimension have in common; theirs is the first attribute.
#pragma once
#include "ops/refuse.h"
#include "ops/rules.h"

namespace pyflame::ops {

inline int dim_of(const i64* attrs) { return static_cast<int>(attrs[0]); }

// A 0-d tensor is treated as if it had one dimension of size 1.
inline Shape ranked(const Shape& shape) { return shape.ndim ? shape : Shape{1}; }
inline View ranked(const View& view) {
  return view.shape.ndim ? view : View{view.data, view.dtype, Shape{1}, Shape{1}};
}

// Indices are int64: ops/index.py converts other integers.
inline void check_index(const graph::Call& call) { check_int64(call, 1); }
inline void check_source(const graph::Call& call) {
  check_index(call);
  if (call.dtype(0) != call.dtype(2)) {
    runtime_error("[" + std::string(call.op.name) + "] base has dtype " + std::string(dtype_name(call.dtype(0))) +
                  ", src has dtype " + std::string(dtype_name(call.dtype(2))) + ": convert one of them");
  }
}

// What is read or written is as large as the index, not as the tensor it points into.
inline graph::Cost indexed_cost(const graph::Call& call, i64 touched) {
  double elements = static_cast<double>(touched);
  return {elements, elements * (2 * static_cast<double>(dtype_size(call.dtype(0))) + 8)};
}
inline graph::Cost add_cost(const graph::Call& call, const Shape& out) {
  graph::Cost cost = indexed_cost(call, call[2].numel());
  cost.bytes += 2 * static_cast<double>(out.numel() * dtype_size(call.dtype(0)));
  return cost;
}

inline void check_reach(const graph::Call& call) {
  Shape x = ranked(call.shape(0)), index = ranked(call.shape(1));
  if (index.numel() == 0) return;
  if (x.ndim != index.ndim) refuse(call, {0, 1}, "both need the same number of dimensions");
  for (int d = 0; d < x.ndim; ++d) {
    if (d != dim_of(call.attrs) && index[d] > x[d]) {
      refuse(call, {0, 1}, "index size " + std::to_string(index[d]) + " exceeds " + std::to_string(x[d]) +
                               " at dimension " + std::to_string(d));
    }
  }
}
inline Shape scatter_shape(const graph::Call& call) {
  check_reach(call);
  if (call.shape(1) != call.shape(2)) refuse(call, {1, 2}, "expected the same shape");
  return call.shape(0);
}

inline graph::OpDef writing(const char* name) {
  return graph::OpDef(name)
      .category(graph::OpCategory::kIndex)
      .inputs({"base", "index", "src"})
      .attr("dim", graph::AttrKind::kDim)
      .promote_inputs(0b101)
      .check(check_source)
      .saves(0b010)
      .cost(add_cost);
}

}  // namespace pyflame::ops
