// Connectionist temporal classification: the logarithm of the sum over all paths' probabilities.
#include "cpu/ctc.h"

#include "ops/composite.h"
#include "ops/functions.h"
#include "ops/register.h"
#include "ops/rules.h"

namespace pyflame::ops {

using graph::AttrKind;
using graph::Call;
using graph::Cost;
using graph::KernelCall;
using graph::OpCategory;
using graph::OpDef;
using graph::VjpCall;

namespace {

// ---- log_probs, labels, input_lengths, target_lengths; blank
void check_ctc(const Call& call, int first) {
  const Node &x = *call.in[first], &labels = *call.in[first + 1];
  bool fits = x.ndim == 3 && labels.ndim == 2 && x.dims()[0] > 0 && labels.dims()[0] == x.dims()[1] && labels.dims()[1] >= 2;
  for (int i = 1; i < 4; ++i) fits = fits && call.in[first + i]->dtype == DType::kInt64;
  for (int i = 2; i < 4; ++i) fits = fits && call.in[first + i]->shape() == Shape{x.ndim == 3 ? x.dims()[1] : -1};
  if (fits) return;
  runtime_error("[" + std::string(call.op.name) + "] log_probs has shape " + to_string(x.shape()) + ", labels " + to_string(labels.shape()) +
                ": expected (steps, batch, classes), (batch, places) and lengths (batch,), the integers int64");
}
Shape ctc_shape(const Call& call) {
  check_ctc(call, 0);
  return {call[0].dims()[1]};
}
Shape ctc_grad_shape(const Call& call) {
  check_ctc(call, 1);
  if (call.shape(0) != Shape{call[1].dims()[1]}) {
    runtime_error("[ctc_grad] grad has shape " + to_string(call.shape(0)) + ": expected one number for each sequence");
  }
  return call.shape(1);
}
Cost ctc_cost(const Call& call, const Shape&) {
  const Node &x = *call.in[call.count - 4], &labels = *call.in[call.count - 3];
  double cells = static_cast<double>(x.dims()[0] * labels.numel());
  return {cells * 8, cells * dtype_size(x.dtype)};
}

cpu::CtcInputs inputs_of(const KernelCall& call, int first) {
  const View* in = call.in + first;
  const i64 batch = in[0].shape[1], steps = in[0].shape[0], places = in[1].shape[1];
  for (i64 b = 0; b < batch; ++b) {
    i64 input = in[2].as<i64>()[b], target = in[3].as<i64>()[b];
    if (input < 0 || input > steps || target < 0 || 2 * target + 1 > places) {
      index_error("[ctc] sequence " + std::to_string(b) + " has length " + std::to_string(input) + " and target length " +
                  std::to_string(target) + ": expected at most " + std::to_string(steps) + " and " + std::to_string((places - 1) / 2));
    }
  }
  return {in[0], in[1], in[2], in[3], call.attrs[0]};
}
void ctc_kernel(const KernelCall& call) { cpu::ctc(inputs_of(call, 0), call.out[0]); }
void ctc_grad_kernel(const KernelCall& call) { cpu::ctc_grad(inputs_of(call, 1), call.in[0], call.out[0]); }

// The logarithm of an impossible path: finite, so that differences of two are numbers, and below any possible one.
constexpr double kNever = -1e30;

Var constant(double value, DType dtype) { return full({}, value, dtype); }

void ctc_composite(const Call& call, Var* outputs) {
  Var x(call.in[0]), labels(call.in[1]);
  const i64 steps = x->dims()[0], batch = x->dims()[1], places = labels->dims()[1];
  const DType dtype = x->dtype;
  const Var never = constant(kNever, dtype), zero = constant(0.0, dtype), two = full({batch, 2}, kNever, dtype);
  Var inputs = reshape(Var(call.in[2]), {batch, 1}), targets = reshape(Var(call.in[3]), {batch, 1});
  auto number = [](i64 value) { return constant(static_cast<double>(value), DType::kInt64); };
  Var seen = maximum(gather(x, expand(reshape(labels, {1, batch, places}), {steps, batch, places}), 2), never);
  auto at = [&](i64 t) { return reshape(slice(seen, 0, t, 1), {batch, places}); };
  Var ahead = slice(labels, 1, 2, places - 2), behind = slice(labels, 1, 0, places - 2);
  Var skips = logical_and(ne(ahead, number(call.attrs[0])), ne(ahead, behind));
  Var jump = cat({two, where(skips, zero, never)}, 1), order = arange(places);
  Var start = where(eq(order, number(0)), zero, never);
  Var alpha = where(inputs > number(0), where(lt(order, number(2)), zero, never) + at(0), start);
  for (i64 t = 1; t < steps; ++t) {
    Var longer = cat({two, alpha}, 1), step = slice(longer, 1, 1, places), skip = slice(longer, 1, 0, places) + jump;
    Var most = maximum(maximum(alpha, step), skip);
    Var total = log(exp(alpha - most) + exp(step - most) + exp(skip - most)) + most;
    alpha = where(inputs > number(t), total + at(t), alpha);
  }
  Var ends = targets + targets, last = gather(alpha, ends, 1);
  Var other = gather(alpha, maximum(ends - number(1), number(0)), 1);
  other = where(eq(targets, number(0)), never, other);
  Var most = maximum(last, other);
  outputs[0] = reshape(log(exp(last - most) + exp(other - most)) + most, {batch});
}

void ctc_grad_composite(const Call& call, Var* outputs) {
  static const OpDef& forward = graph::registry().at("ctc");
  gradient_composite(forward, call.in + 1, 4, call.attrs, {Var(call.in[0])}, 1, outputs);
}

void ctc_vjp(VjpCall& call) {
  if (composite_gradients(call)) return;
  static const OpDef& op = graph::registry().at("ctc_grad");
  call.set(0, graph::apply(op, {call.grad(), call.in(0), call.in(1), call.in(2), call.in(3)}, {call.attrs()[0]}));
}

OpDef ctc_op(const char* name, std::vector<const char*> inputs) {
  return OpDef(name)
      .category(OpCategory::kLoss)
      .inputs(std::move(inputs))
      .attr("blank", AttrKind::kInt)
      .promote_inputs(0)
      .only(static_cast<u16>(graph::dtype_bit(DType::kFloat32) | graph::dtype_bit(DType::kFloat64)))
      .cost(ctc_cost);
}

}  // namespace

void register_ctc(graph::Registry& ops) {
  ops.add(ctc_op("ctc", {"log_probs", "labels", "input_lengths", "target_lengths"})
              .shape(ctc_shape)
              .vjp(ctc_vjp)
              .saves(0b1111)
              .fallback(ctc_composite)
              .cpu(ctc_kernel));
  ops.add(ctc_op("ctc_grad", {"grad", "log_probs", "labels", "input_lengths", "target_lengths"})
              .shape(ctc_grad_shape)
              .no_grad(kOnlyFirstOrder)
              .fallback(ctc_grad_composite)
              .cpu(ctc_grad_kernel));
}

}  // namespace pyflame::ops
