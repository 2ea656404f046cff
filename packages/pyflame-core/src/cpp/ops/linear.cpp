// x @ weight.T + bias in one record, since no composite is recorded more often, and a.T @ b, the gradient of its weight.
// They have no kernels: plans hold their composites.
#include "ops/functions.h"
#include "ops/register.h"
#include "ops/rules.h"

namespace pyflame::ops {

using graph::Call;
using graph::OpCategory;
using graph::OpDef;
using graph::VjpCall;

namespace {

Shape linear_shape(const Call& call) {
  const graph::Node &x = call[0], &weight = call[1], &bias = call[2];
  bool fits = x.ndim > 0 && weight.ndim == 2 && bias.ndim == 1 && x.dims()[x.ndim - 1] == weight.dim[1] && bias.dim[0] == weight.dim[0];
  if (!fits) {
    runtime_error("[linear] x has shape " + to_string(x.shape()) + ", weight " + to_string(weight.shape()) + ", bias " +
                  to_string(bias.shape()) + ": expected (..., in), (out, in) and (out,)");
  }
  Shape out = x.shape();
  out[out.ndim - 1] = bias.dim[0];
  return out;
}

graph::Cost linear_cost(const Call& call, const Shape& out) {
  double k = static_cast<double>(call[1].dim[1]), n = static_cast<double>(out.numel());
  double elements = static_cast<double>(call[0].numel() + call[1].numel() + call[2].numel()) + n;
  return {2.0 * n * k + n, elements * dtype_size(call.dtype(0))};
}

void linear_composite(const Call& call, Var* outputs) {
  outputs[0] = add(matmul(Var(call.in[0]), transpose_last(Var(call.in[1]))), Var(call.in[2]));
}

// ---- a.T @ b, of matrices
Shape transposed_shape(const Call& call) {
  const graph::Node &a = call[0], &b = call[1];
  if (a.ndim != 2 || b.ndim != 2 || a.dim[0] != b.dim[0]) {
    runtime_error("[transposed_matmul] a has shape " + to_string(a.shape()) + ", b has shape " + to_string(b.shape()) +
                  ": expected (k, n) and (k, m)");
  }
  return {a.dim[1], b.dim[1]};
}

graph::Cost transposed_cost(const Call& call, const Shape& out) {
  double k = static_cast<double>(call[0].dim[0]), n = static_cast<double>(out.numel());
  double elements = static_cast<double>(call[0].numel() + call[1].numel()) + n;
  return {2.0 * n * k, elements * dtype_size(call.dtype(0))};
}

void transposed_composite(const Call& call, Var* outputs) {
  outputs[0] = matmul(transpose_last(Var(call.in[0])), Var(call.in[1]));
}

Var transposed_matmul(const Var& a, const Var& b) {
  static const OpDef& op = graph::registry().at("transposed_matmul");
  return graph::apply(op, {a, b});
}

void transposed_vjp(VjpCall& call) {
  Var a = call.in(0), b = call.in(1), g = call.grad();
  if (call.needs(0)) call.set(0, matmul(b, transpose_last(g)));
  if (call.needs(1)) call.set(1, matmul(a, g));
}

// ---- the gradients of a linear layer: batches are rows of one product, and that of the weight lies as the weight does
void linear_vjp(VjpCall& call) {
  Var x = call.in(0), weight = call.in(1), g = call.grad();
  if (call.needs(2)) call.set(2, unbroadcast(g, call.in(2).get()));
  const i64 in = weight->dim[1], out = weight->dim[0];
  Shape shape = x->shape();
  i64 rows = 1;
  for (int i = 0; i < shape.ndim - 1; ++i) rows *= shape[i];
  g = reshape(g, {rows, out});
  if (call.needs(0)) call.set(0, reshape(matmul(g, weight), shape));
  if (call.needs(1)) call.set(1, transposed_matmul(g, reshape(x, {rows, in})));
}

}  // namespace

void register_linear(graph::Registry& ops) {
  ops.add(OpDef("linear")
              .category(OpCategory::kMatmul)
              .inputs({"x", "weight", "bias"})
              .shape(linear_shape)
              .vjp(linear_vjp)
              .saves(0b011)
              .reading({0b010, 0b001, 0})
              .cost(linear_cost)
              .fallback(linear_composite));
  ops.add(OpDef("transposed_matmul")
              .category(OpCategory::kMatmul)
              .inputs({"a", "b"})
              .shape(transposed_shape)
              .vjp(transposed_vjp)
              .saves(0b11)
              .reading({0b10, 0b01})
              .cost(transposed_cost)
              .fallback(transposed_composite));
}

}  // namespace pyflame::ops
