// Graph-level functions over records: what gradients are written with.
#pragma once
#include "graph/apply.h"

namespace pyflame::ops {

using graph::Node;
using graph::Var;

#define UNARY(name, ...) Var name(const Var& x);
#define BINARY(name, ...) Var name(const Var& a, const Var& b);
#define COMPARE(name, ...) Var name(const Var& a, const Var& b);
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE

// A number beside a tensor is an immediate: it keeps the tensor's dtype unless its category is higher.
Var add(const Var& a, double b);
Var mul(const Var& a, double b);
inline Var operator+(const Var& a, const Var& b) { return add(a, b); }
inline Var operator-(const Var& a, const Var& b) { return sub(a, b); }
inline Var operator*(const Var& a, const Var& b) { return mul(a, b); }
inline Var operator/(const Var& a, const Var& b) { return div(a, b); }
inline Var operator+(const Var& a, double b) { return add(a, b); }
inline Var operator*(const Var& a, double b) { return mul(a, b); }
Var operator-(const Var& a, double b);
Var operator-(double a, const Var& b);
Var operator/(const Var& a, double b);
Var operator>(const Var& a, const Var& b);
Var operator>(const Var& a, double b);
Var operator<=(const Var& a, double b);
Var equal(const Var& a, double b);

Var where(const Var& condition, const Var& x, const Var& y);
Var where(const Var& condition, const Var& x, double y);
Var where(const Var& condition, double x, const Var& y);
Var cast(const Var& x, DType dtype);

Var full(const Shape& shape, double value, DType dtype);
Var zeros_like(const Var& x);
Var arange(i64 n);  // int64

Var sum(const Var& x, u32 mask, bool keepdim);
Var mean(const Var& x, u32 mask, bool keepdim);
Var matmul(const Var& a, const Var& b);

Var reshape(const Var& x, const Shape& shape);
Var expand(const Var& x, const Shape& shape);
Var permute(const Var& x, const Shape& order);
Var transpose_last(const Var& x);                       // swaps the last two dimensions
Var slice(const Var& x, int dim, i64 start, i64 length);
Var cat(const std::vector<Var>& parts, int dim);

// A window on x laid out in order (ops/strided.cpp), and x with such a window replaced.
bool window_overlaps(const Shape& shape, const Shape& strides);  // whether two positions may be one element
Var as_strided(const Var& x, const Shape& size, const Shape& strides, i64 offset);
Var as_strided_scatter(const Var& x, const Var& src, const Shape& strides, i64 offset);
// The values of one tensor with the gradient path of another.
Var with_history(const Var& value, const Var& history);

// Sums `x` over the dimensions that broadcasting had added or stretched, back to the shape of `like`.
Var unbroadcast(const Var& x, const graph::Node* like);
// Puts back (as size 1) the dimensions that a reduction over `mask` removed from a tensor of rank `ndim`.
Var restore_dims(const Var& x, u32 mask, int ndim);

// Along one dimension, with int64 indices (ops/index.cpp).
Var gather(const Var& x, const Var& index, int dim);
Var scatter_add(const Var& base, const Var& index, const Var& src, int dim);
Var index_select(const Var& x, const Var& index, int dim);
Var index_add(const Var& base, const Var& index, const Var& src, int dim);

// The VJP of ops with one input, outputs (values, places) and the dimension as first attribute (ops/sort.cpp): the
// gradient of the values goes back to their places.
void scatter_back(graph::VjpCall& call);

}  // namespace pyflame::ops
