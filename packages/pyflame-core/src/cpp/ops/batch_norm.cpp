// Normalization of channels by the moments of the batch. Operands are x and then, where there are any, weight and bias:
// float64 beside float64, float32 beside all others. Halves are computed in float32.
#include "cpu/batch_norm.h"

#include <cmath>

#include "ops/composite.h"
#include "ops/functions.h"
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

// x is operand `first` of the call; those behind it are numbers for each of its channels.
void check_channels(const Call& call, int first) {
  const Node& x = call[first];
  const std::string op = "[" + std::string(call.op.name) + "] ";
  check_dtype(call.op, x.dtype);
  if (x.ndim < 2) runtime_error(op + "x has shape " + to_string(x.shape()) + ": expected (batch, channels, ...)");
  const Shape channels{x.dims()[1]};
  for (int i = first + 1; i < call.count; ++i) {
    if (call.shape(i) == channels && call.dtype(i) == wide(x.dtype)) continue;
    runtime_error(op + "operand " + std::to_string(i) + " has shape " + to_string(call.shape(i)) + " and dtype " +
                  std::string(dtype_name(call.dtype(i))) + ": expected " + to_string(channels) + " and " +
                  std::string(dtype_name(wide(x.dtype))) + " beside x of shape " + to_string(x.shape()));
  }
}

void check_batch_norm(const Call& call) {
  if (call.count < 1 || call.count > 3) {
    runtime_error("[batch_norm] got " + std::to_string(call.count) + " operands: expected x, weight and bias");
  }
  check_channels(call, 0);
}
// A tensor like x, which is operand `first`, and two numbers for each channel.
template <int first>
int channel_outputs(const Call& call, OutputSpec* specs) {
  specs[0] = {call.dtype(first), call.shape(first)};
  specs[1] = specs[2] = {wide(call.dtype(first)), {call.shape(first)[1]}};
  return 3;
}

// grad, x, mean, variance [, weight]
void check_batch_norm_grad(const Call& call) {
  if (call.count < 4 || call.count > 5 || call.dtype(0) != call.dtype(1) || !graph::same_shape(call[0], call[1])) {
    runtime_error("[batch_norm_grad] expected grad and x of one shape and dtype, mean, variance, and perhaps a weight");
  }
  check_channels(call, 1);
}

void batch_norm_kernel(const KernelCall& call) {
  View none{};
  cpu::batch_norm({call.in[0], call.num_inputs > 1 ? call.in[1] : none, call.num_inputs > 2 ? call.in[2] : none, attr_double(call.attrs[0])},
                  call.out[0], call.out[1], call.out[2]);
}
void batch_norm_grad_kernel(const KernelCall& call) {
  View none{};
  cpu::batch_norm_grad({call.in[1], call.num_inputs > 4 ? call.in[4] : none, none, attr_double(call.attrs[0])}, call.in[0], call.in[2],
                       call.in[3], call.out[0], call.out[1], call.out[2]);
}

// A batch without values has no moments, and gradients of zero.
void batch_norm_composite(const Call& call, Var* outputs) {
  Var x(call.in[0]);
  const DType dtype = x->dtype;
  const i64 channels = x->dims()[1];
  if (dtype != wide(dtype)) x = cast(x, wide(dtype));
  Shape along{channels};
  for (int d = 2; d < x->ndim; ++d) along.push(1);
  Var y = x, scale = call.count > 1 ? reshape(Var(call.in[1]), along) : full(along, 1.0, x->dtype);
  if (x->shape().numel() == 0) {
    outputs[1] = outputs[2] = full({channels}, NAN, x->dtype);
  } else {
    const u32 mask = ((1u << x->ndim) - 1) & ~2u;
    Var average = mean(x, mask, true);
    y = x - average;
    Var variance = mean(square(y), mask, true);
    scale = scale * rsqrt(variance + attr_double(call.attrs[0]));
    outputs[1] = reshape(average, {channels});
    outputs[2] = reshape(variance, {channels});
  }
  y = y * scale;
  if (call.count > 2) y = y + reshape(Var(call.in[2]), along);
  outputs[0] = y->dtype == dtype ? y : cast(y, dtype);
}

void batch_norm_grad_composite(const Call& call, Var* outputs) {
  static const OpDef& forward = graph::registry().at("batch_norm");
  Var x(call.in[1]), one = full({x->dims()[1]}, 1.0, wide(x->dtype));
  Var weight = call.count > 4 ? Var(call.in[4]) : one, bias = zeros_like(weight);
  Node* inputs[] = {x.get(), weight.get(), bias.get()};
  gradient_composite(forward, inputs, 3, call.attrs, {Var(call.in[0])}, 0b111, outputs);
}

void batch_norm_vjp(VjpCall& call) {
  if (composite_gradients(call, call.grad(1) || call.grad(2))) return;  // moments are not differentiated by the kernel
  static const OpDef& op = graph::registry().at("batch_norm_grad");
  Var moments[] = {call.out(1), call.out(2)};
  if (!moments[0] || !moments[1]) {  // let go of by everyone, so perhaps never stored
    std::vector<Var> again = graph::apply_multi(call.op, call.node()->inputs(), call.num_inputs(), call.attrs(), 1);
    moments[0] = again[1], moments[1] = again[2];
  }
  Var grad = call.grad();
  Node* operands[5] = {grad.get(), call.node()->inputs()[0], moments[0].get(), moments[1].get()};
  if (call.num_inputs() > 1) operands[4] = call.node()->inputs()[1];
  std::vector<Var> found = graph::apply_multi(op, operands, call.num_inputs() > 1 ? 5 : 4, call.attrs(), 1);
  for (int i = 0; i < call.num_inputs(); ++i) {
    if (call.needs(i)) call.set(i, found[static_cast<std::size_t>(i)]);
  }
}

OpDef batch_norm_op(const char* name) {
  return OpDef(name)
      .category(OpCategory::kNorm)
      .inputs({"operands"}, true)
      .attr("eps", AttrKind::kFloat)
      .promote_inputs(0)
      .only(graph::kFloats);
}

}  // namespace

void register_batch_norm(graph::Registry& ops) {
  ops.add(batch_norm_op("batch_norm")
              .check(check_batch_norm)
              .outputs(channel_outputs<0>)
              .vjp(batch_norm_vjp)
              .saves(0b011)
              .fallback(batch_norm_composite)
              .cost(streaming_cost<8>)
              .cpu(batch_norm_kernel));
  ops.add(batch_norm_op("batch_norm_grad")
              .check(check_batch_norm_grad)
              .outputs(channel_outputs<1>)
              .no_grad(kOnlyFirstOrder)
              .fallback(batch_norm_grad_composite)
              .cost(streaming_cost<16>)
              .cpu(batch_norm_grad_kernel));
}

}  // namespace pyflame::ops
