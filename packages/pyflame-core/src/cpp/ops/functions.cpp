#include "ops/functions.h"

#include "ops/rules.h"

namespace pyflame::ops {

using graph::apply;
using graph::apply_binary;
using graph::apply_scalar;
using graph::apply_unary;
using graph::OpDef;
using graph::registry;
using graph::Scalar;

#define UNARY(name, ...)                               \
  Var name(const Var& x) {                             \
    static const OpDef& op = registry().at(#name);     \
    return apply_unary(op, x.get());                   \
  }
#define BINARY(name, ...)                              \
  Var name(const Var& a, const Var& b) {               \
    static const OpDef& op = registry().at(#name);     \
    return apply_binary(op, a.get(), b.get());         \
  }
#define COMPARE(name, ...) BINARY(name)
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE

namespace {

Var with_number(const char* name, const Var& a, double b, bool number_on_left = false) {
  return apply_scalar(registry().at(name), a.get(), Scalar{Category::kFloat, b, static_cast<i64>(b)}, number_on_left);
}

}  // namespace

Var add(const Var& a, double b) { return with_number("add", a, b); }
Var mul(const Var& a, double b) { return with_number("mul", a, b); }
Var operator-(const Var& a, double b) { return with_number("sub", a, b); }
Var operator-(double a, const Var& b) { return with_number("sub", b, a, true); }
Var operator/(const Var& a, double b) { return with_number("div", a, b); }
Var operator>(const Var& a, const Var& b) { return gt(a, b); }
Var operator>(const Var& a, double b) { return with_number("gt", a, b); }
Var operator<=(const Var& a, double b) { return with_number("le", a, b); }
Var equal(const Var& a, double b) { return with_number("eq", a, b); }

Var where(const Var& condition, const Var& x, const Var& y) {
  static const OpDef& op = registry().at("where");
  return apply(op, {condition, x, y});
}
Var where(const Var& condition, const Var& x, double y) { return where(condition, x, full({}, y, x->dtype)); }
Var where(const Var& condition, double x, const Var& y) { return where(condition, full({}, x, y->dtype), y); }

Var cast(const Var& x, DType dtype) {
  static const OpDef& op = registry().at("cast");
  return x->dtype == dtype ? x : apply(op, {x}, {static_cast<i64>(dtype)});
}

Var full(const Shape& shape, double value, DType dtype) {
  static const OpDef& op = registry().at("full");
  i64 words[kMaxDims + 3] = {is_floating(dtype) ? double_attr(value) : static_cast<i64>(value), static_cast<i64>(dtype),
                             shape.ndim};
  for (int i = 0; i < shape.ndim; ++i) words[3 + i] = shape[i];
  return apply(op, nullptr, 0, words, 3 + shape.ndim);
}
Var zeros_like(const Var& x) { return full(x->shape(), 0.0, x->dtype); }

Var arange(i64 n) {
  static const OpDef& op = registry().at("arange_int");
  return apply(op, {}, {0, 1, n, static_cast<i64>(DType::kInt64)});
}

Var sum(const Var& x, u32 mask, bool keepdim) {
  static const OpDef& op = registry().at("sum");
  return apply(op, {x}, {mask, keepdim});
}
Var mean(const Var& x, u32 mask, bool keepdim) {
  static const OpDef& op = registry().at("mean");
  return apply(op, {x}, {mask, keepdim});
}

Var matmul(const Var& a, const Var& b) {
  static const OpDef& op = registry().at("matmul");
  return apply(op, {a, b});
}

namespace {
Var apply_list(const OpDef& op, const Var& x, const Shape& list) {
  i64 words[kMaxDims + 1] = {list.ndim};
  for (int i = 0; i < list.ndim; ++i) words[1 + i] = list[i];
  Node* node = x.get();
  return apply(op, &node, 1, words, 1 + list.ndim);
}
}  // namespace

Var reshape(const Var& x, const Shape& shape) {
  static const OpDef& op = registry().at("reshape");
  return x->shape() == shape ? x : apply_list(op, x, shape);
}
Var expand(const Var& x, const Shape& shape) {
  static const OpDef& op = registry().at("expand");
  return x->shape() == shape ? x : apply_list(op, x, shape);
}
Var permute(const Var& x, const Shape& order) {
  static const OpDef& op = registry().at("permute");
  return apply_list(op, x, order);
}
Var transpose_last(const Var& x) {
  Shape order;
  for (int i = 0; i < x->ndim; ++i) order.push(i);
  std::swap(order[x->ndim - 1], order[x->ndim - 2]);
  return permute(x, order);
}

Var slice(const Var& x, int dim, i64 start, i64 length) {
  static const OpDef& op = registry().at("slice");
  return apply(op, {x}, {dim, start, 1, length});
}

Var cat(const std::vector<Var>& parts, int dim) {
  static const OpDef& op = registry().at("cat");
  std::vector<Node*> nodes;
  for (const Var& part : parts) nodes.push_back(part.get());
  i64 word = dim;
  return apply(op, nodes.data(), static_cast<int>(nodes.size()), &word, 1);
}

Var unbroadcast(const Var& x, const Node* like) {
  if (x->ndim == like->ndim && std::memcmp(x->dims(), like->dims(), sizeof(i64) * x->ndim) == 0) return x;
  int lead = x->ndim - like->ndim;
  u32 added = (1u << lead) - 1, mask = added;
  const i64 *from = x->dims(), *to = like->dims();
  for (int i = lead; i < x->ndim; ++i) {
    if (to[i - lead] == 1 && from[i] != 1) mask |= 1u << i;
  }
  if (mask == added) return sum(x, mask, false);
  return reshape(sum(x, mask, true), like->shape());
}

Var restore_dims(const Var& x, u32 mask, int ndim) {
  if (x->ndim == ndim) return x;
  Shape shape;
  for (int i = 0, kept = 0; i < ndim; ++i) shape.push(mask >> i & 1 ? 1 : x->dims()[kept++]);
  return reshape(x, shape);
}

}  // namespace pyflame::ops
