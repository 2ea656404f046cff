// Losses that would need many nodes as composites.
#include "cpu/loss.h"

#include "ops/composite.h"
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
using graph::OutputSpec;
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

// ---- nll_loss(log_softmax(x)) of (samples, classes): its outputs are the loss and the log-probabilities, which the
// gradient needs
constexpr u16 kNative = static_cast<u16>(1u << static_cast<int>(DType::kFloat32) | 1u << static_cast<int>(DType::kFloat64));

int entropy_outputs(const Call& call, OutputSpec* specs) {
  check_int64(call, 1);
  const Shape x = call.shape(0);
  if (x.ndim != 2 || call.shape(1) != Shape{x[0]}) refuse(call, {0, 1}, "expected (samples, classes) and (samples,)");
  specs[0] = {call.dtype(0), reduces(call) ? Shape{} : call.shape(1)};
  specs[1] = {call.dtype(0), x};
  return 2;
}

Shape entropy_grad_shape(const Call& call) {
  check_int64(call, 2);
  const Shape x = call.shape(1);
  bool fits = x.ndim == 2 && call.shape(2) == Shape{x[0]} && call.shape(0) == (reduces(call) ? Shape{} : call.shape(2));
  if (!fits) refuse(call, {0, 1, 2}, "expected the loss's shape, (samples, classes) and (samples,)");
  return x;
}

void entropy_kernel(const KernelCall& call) {
  cpu::cross_entropy(kernel_shape(call, call.in[0].shape), call.in[0], call.in[1], call.out[0], call.out[1]);
}
void entropy_grad_kernel(const KernelCall& call) {
  cpu::cross_entropy_grad(kernel_shape(call, call.in[1].shape), call.in[0], call.in[1], call.in[2], call.out[0]);
}

void entropy_composite(const Call& call, Var* outputs) {
  static const OpDef &log_softmax = graph::registry().at("log_softmax"), &loss = graph::registry().at("nll_loss");
  outputs[1] = graph::apply(log_softmax, {Var(call.in[0])}, {1});
  outputs[0] = graph::apply(loss, {outputs[1], Var(call.in[1])}, {call.attrs[0], call.attrs[1]});
}
void entropy_grad_composite(const Call& call, Var* outputs) {
  static const OpDef &log_softmax_grad = graph::registry().at("log_softmax_grad"), &loss_grad = graph::registry().at("nll_loss_grad");
  Var log_probs(call.in[1]);
  Var grad = graph::apply(loss_grad, {Var(call.in[0]), Var(call.in[2])}, {call.attrs[0], call.attrs[1], log_probs->dim[1]});
  outputs[0] = graph::apply(log_softmax_grad, {grad, log_probs}, {1});
}

void entropy_vjp(VjpCall& call) {
  if (composite_gradients(call, static_cast<bool>(call.grad(1)))) return;
  static const OpDef& op = graph::registry().at("class_cross_entropy_grad");
  Var log_probs = call.out(1);
  if (!log_probs) {  // let go of by everyone, so perhaps never stored
    log_probs = graph::apply(graph::registry().at("log_softmax"), {call.in(0)}, {1});
  }
  call.set(0, graph::apply(op, {call.grad(), log_probs, call.in(1)}, {call.attrs()[0], call.attrs()[1]}));
}

OpDef loss_op(const char* name, std::vector<const char*> inputs, u32 promoted, u16 dtypes) {
  return OpDef(name)
      .category(OpCategory::kLoss)
      .inputs(std::move(inputs))
      .attr("ignore_index", AttrKind::kInt)
      .attr("reduction", AttrKind::kInt)
      .promote_inputs(promoted)
      .only(dtypes);
}
OpDef nll_op(const char* name, const char* first, graph::Kernel kernel) {
  return loss_op(name, {first, "target"}, 0b1, graph::kFloats).saves(0b10).cost(streaming_cost<1>).cpu(kernel);
}

}  // namespace

void register_loss(graph::Registry& ops) {
  ops.add(nll_op("nll_loss", "x", nll_kernel).shape(nll_shape).vjp(nll_vjp));
  ops.add(loss_op("class_cross_entropy", {"x", "target"}, 0b1, kNative)
              .outputs(entropy_outputs)
              .vjp(entropy_vjp)
              .saves(0b11, true)
              .fallback(entropy_composite)
              .cost(streaming_cost<20>)
              .cpu(entropy_kernel)
              .spare(0b10));
  ops.add(loss_op("class_cross_entropy_grad", {"grad", "log_probs", "target"}, 0b11, kNative)
              .shape(entropy_grad_shape)
              .no_grad(kOnlyFirstOrder)
              .fallback(entropy_grad_composite)
              .cost(streaming_cost<20>)
              .cpu(entropy_grad_kernel));
  ops.add(nll_op("nll_loss_grad", "grad", nll_grad_kernel)
              .attr("classes", AttrKind::kInt)
              .shape(nll_grad_shape)
              .vjp(nll_grad_vjp));
}

}  // namespace pyflame::ops
