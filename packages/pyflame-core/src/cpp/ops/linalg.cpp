// Matrix product, for every rank torch.matmul takes.
#include "cpu/gemm.h"

#include "ops/functions.h"
#include "ops/fused.h"
#include "ops/register.h"
#include "ops/rules.h"

namespace pyflame::ops {

using graph::Call;
using graph::KernelCall;
using graph::OpCategory;
using graph::OpDef;
using graph::VjpCall;

namespace {

// A vector counts as a row on the left and as a column on the right.
Shape as_matrix(const Shape& shape, bool left) {
  if (shape.ndim > 1) return shape;
  return left ? Shape{1, shape[0]} : Shape{shape[0], 1};
}

Shape batch_dims(const Shape& shape) { return Shape(shape.dims, shape.ndim - 2); }

// The result with the sizes that stand for vectors still in place.
Shape full_result(const Shape& a, const Shape& b) {
  Shape out = broadcast_shapes("matmul", batch_dims(a), batch_dims(b));
  out.push(a[a.ndim - 2]);
  out.push(b[b.ndim - 1]);
  return out;
}

Shape matmul_shape(const Call& call) {
  const graph::Node &x = call[0], &y = call[1];
  if (x.ndim == 2 && y.ndim == 2 && x.dim[1] == y.dim[0]) return Shape{x.dim[0], y.dim[1]};
  Shape left = call.shape(0), right = call.shape(1);
  if (left.ndim == 0 || right.ndim == 0) {
    runtime_error("[matmul] a has shape " + to_string(left) + ", b has shape " + to_string(right) +
                  ": both need at least one dimension; use * to scale by a number");
  }
  Shape a = as_matrix(left, true), b = as_matrix(right, false);
  if (a[a.ndim - 1] != b[b.ndim - 2]) {
    runtime_error("[matmul] a has shape " + to_string(left) + ", b has shape " + to_string(right) + ": inner sizes " +
                  std::to_string(a[a.ndim - 1]) + " and " + std::to_string(b[b.ndim - 2]) + " differ");
  }
  Shape full = full_result(a, b), out;
  for (int i = 0; i < full.ndim; ++i) {
    if ((i == full.ndim - 2 && left.ndim == 1) || (i == full.ndim - 1 && right.ndim == 1)) continue;
    out.push(full[i]);
  }
  return out;
}

graph::Cost matmul_cost(const Call& call, const Shape& out) {
  Shape a = call.shape(0);
  double k = static_cast<double>(a[a.ndim - 1]), n = static_cast<double>(out.numel());
  double elements = static_cast<double>(a.numel() + call[1].numel()) + n;
  return {2.0 * n * k, elements * dtype_size(call.dtype(0))};
}

cpu::View matrix_view(const cpu::View& view, bool left, const Shape& batch) {
  cpu::View out = view;
  if (view.shape.ndim == 1) {
    out.shape = as_matrix(view.shape, left);
    out.strides = left ? Shape{0, view.strides[0]} : Shape{view.strides[0], 0};
  }
  Shape target = batch;
  target.push(out.shape[out.shape.ndim - 2]);
  target.push(out.shape[out.shape.ndim - 1]);
  Shape strides = broadcast_strides(batch_dims(out.shape), batch_dims(out.strides), batch);
  strides.push(out.strides[out.shape.ndim - 2]);
  strides.push(out.strides[out.shape.ndim - 1]);
  out.shape = target;
  out.strides = strides;
  return out;
}

void multiply(const KernelCall& call, const cpu::ProductEpilogue<float>& epilogue) {
  if (call.in[0].shape.ndim == 2 && call.in[1].shape.ndim == 2) {
    return cpu::matmul(call.in[0], call.in[1], call.out[0], call.weight, epilogue);
  }
  Shape full = full_result(as_matrix(call.in[0].shape, true), as_matrix(call.in[1].shape, false));
  Shape batch = batch_dims(full);
  cpu::View out = call.out[0];
  out.shape = full;
  out.strides = contiguous_strides(full);
  cpu::matmul(matrix_view(call.in[0], true, batch), matrix_view(call.in[1], false, batch), out, call.weight, epilogue);
}
void matmul_kernel(const KernelCall& call) { multiply(call, {}); }

void matmul_fused_kernel(const KernelCall& call) {
  const i64* present = call.attrs;
  cpu::ProductEpilogue<float> epilogue;
  if (present[0]) epilogue.bias = call.in[2].as<float>();
  if (present[1]) epilogue.residual = call.in[present[0] ? 3 : 2].as<float>();
  epilogue.relu = present[2];
  multiply(call, epilogue);
}

// Of b in a @ b, all matrices. Where b is a transposed matrix the product is made the other way round: the transpose of b
// then undoes this one, and the gradient of a weight lies in memory as the weight does.
Var right_gradient(const Var& a, const Var& b, const Var& g) {
  static const OpDef& transposed = graph::registry().at("permute");
  if (b->op == transposed.id) return transpose_last(matmul(transpose_last(g), a));
  return matmul(transpose_last(a), g);
}

void matmul_vjp(VjpCall& call) {
  Var a = call.in(0), b = call.in(1), g = call.grad();
  if (a->ndim >= 2 && b->ndim == 2) {  // one matrix for every batch: the batches are rows of one product
    Shape left = a->shape(), rows = Shape{1, left[left.ndim - 1]}, results = Shape{1, b->dims()[1]};
    for (int i = 0; i < left.ndim - 1; ++i) rows[0] *= left[i];
    results[0] = rows[0];
    g = reshape(g, results);
    if (call.needs(0)) call.set(0, reshape(matmul(g, transpose_last(b)), left));
    if (call.needs(1)) call.set(1, right_gradient(reshape(a, rows), b, g));
    return;
  }
  Var left = reshape(a, as_matrix(a->shape(), true)), right = reshape(b, as_matrix(b->shape(), false));
  Var full = reshape(g, full_result(left->shape(), right->shape()));
  if (call.needs(0)) call.set(0, reshape(unbroadcast(matmul(full, transpose_last(right)), left.get()), a->shape()));
  if (call.needs(1)) call.set(1, reshape(unbroadcast(matmul(transpose_last(left), full), right.get()), b->shape()));
}

}  // namespace

const OpDef& matmul_fused() {
  static const OpDef op = OpDef("matmul").inputs({"a", "b", "operands"}, true).category(OpCategory::kMatmul)
                              .cpu(matmul_fused_kernel, 0b11);
  return op;
}

void register_linalg(graph::Registry& ops) {
  ops.add(OpDef("matmul")
              .category(OpCategory::kMatmul)
              .inputs({"a", "b"})
              .shape(matmul_shape)
              .vjp(matmul_vjp)
              .saves(0b11)
              .reading({0b10, 0b01})
              .cost(matmul_cost)
              .cpu(matmul_kernel, 0b11));
}

}  // namespace pyflame::ops
