// Losses that would need many nodes as composites.
#include "cpu/loss.h"

#include "ops/functions.h"
#include "ops/refuse.h"
#include "ops/register.h"
#include "ops/rules.h"

namespace pyflame::ops {

using graph::AttrKind;
using graph::Call;
using graph::KernelCall;
using graph::OpCategory;
using graph::OpDef;
using graph::VjpCall;

namespace {

// ---- negative log-likelihood: ignore_index, reduction (0 none, 1 mean, 2 sum) [, classes]
//
// nll_loss is linear in the log-probabilities and nll_loss_grad is its transpose, so each is the other's gradient.
int class_dim(int ndim) { return ndim > 1; }

bool reduces(const Call& call) { return call.attrs[1] != 0; }

Shape nll_shape(const Call& call) {
  check_int64(call, 1);
  Shape x = call.shape(0), expected;
  if (x.ndim == 0) value_error("[nll_loss] x has no dimensions: expected (classes,) or (samples, classes, ...)");
  for (int i = 0; i < x.ndim; ++i) {
    if (i != class_dim(x.ndim)) expected.push(x[i]);
  }
  if (call.shape(1) != expected) {
    value_error("[nll_loss] x has shape " + to_string(x) + ", target " + to_string(call.shape(1)) +
                ": class ids need shape " + to_string(expected));
  }
  return reduces(call) ? Shape{} : expected;
}

Shape nll_grad_shape(const Call& call) {
  check_int64(call, 1);
  Shape target = call.shape(1), shape;
  if (call.shape(0) != (reduces(call) ? Shape{} : target)) refuse(call, {0, 1}, "grad must have the shape of the loss");
  for (int i = 0; i < target.ndim; ++i) {
    if (i == 1) shape.push(call.attrs[2]);
    shape.push(target[i]);
  }
  if (target.ndim < 2) shape.push(call.attrs[2]);
  return shape;
}

cpu::NllShape kernel_shape(const KernelCall& call, const Shape& full) {
  int dim = class_dim(full.ndim);
  i64 samples = dim ? full[0] : 1, inner = 1;
  for (int i = dim + 1; i < full.ndim; ++i) inner *= full[i];
  return {samples, full[dim], inner, call.attrs[0], static_cast<cpu::Reduction>(call.attrs[1])};
}
void nll_kernel(const KernelCall& call) {
  cpu::nll_loss(kernel_shape(call, call.in[0].shape), call.in[0], call.in[1], call.out[0]);
}
void nll_grad_kernel(const KernelCall& call) {
  cpu::nll_loss_grad(kernel_shape(call, call.out[0].shape), call.in[0], call.in[1], call.out[0]);
}

void nll_vjp(VjpCall& call) {
  static const OpDef& grad_op = graph::registry().at("nll_loss_grad");
  const Var x = call.in(0);
  call.set(0, graph::apply(grad_op, {call.grad(), call.in(1)}, {call.attrs()[0], call.attrs()[1], x->dims()[class_dim(x->ndim)]}));
}
void nll_grad_vjp(VjpCall& call) {
  static const OpDef& loss = graph::registry().at("nll_loss");
  call.set(0, graph::apply(loss, {call.grad(), call.in(1)}, {call.attrs()[0], call.attrs()[1]}));
}

OpDef nll_op(const char* name, const char* first, graph::Kernel kernel) {
  return OpDef(name)
      .category(OpCategory::kLoss)
      .inputs({first, "target"})
      .attr("ignore_index", AttrKind::kInt)
      .attr("reduction", AttrKind::kInt)
      .promote_inputs(1)
      .only(graph::kFloats)
      .saves(0b10)
      .cost(streaming_cost<1>)
      .cpu(kernel);
}

}  // namespace

void register_loss(graph::Registry& ops) {
  ops.add(nll_op("nll_loss", "x", nll_kernel).shape(nll_shape).vjp(nll_vjp));
  ops.add(nll_op("nll_loss_grad", "grad", nll_grad_kernel)
              .attr("classes", AttrKind::kInt)
              .shape(nll_grad_shape)
              .vjp(nll_grad_vjp));
}

}  // namespace pyflame::ops
