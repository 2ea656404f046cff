// Reductions, arg-reductions and the softmax pair.
#include "cpu/reduce.h"

#include "ops/functions.h"
#include "ops/kernels.h"
#include "ops/register.h"
#include "ops/rules.h"

namespace pyflame::ops {

using graph::AttrKind;
using graph::Call;
using graph::KernelCall;
using graph::kNoDim;
using graph::OpCategory;
using graph::OpDef;
using graph::VjpCall;

namespace {

// ---- attributes: dims (mask), keepdim
u32 mask_of(const i64* attrs) { return static_cast<u32>(attrs[0]); }

Shape reduce_shape(const Call& call) { return reduced_shape(call[0].dims(), call[0].ndim, mask_of(call.attrs), call.attrs[1]); }

DType sum_dtype(const Call& call) { return is_floating(call.dtype(0)) ? call.dtype(0) : DType::kInt64; }

void need_elements(const Call& call) {
  Shape shape = call.shape(0);
  for (int i = 0; i < shape.ndim; ++i) {
    if ((mask_of(call.attrs) >> i & 1) && shape[i] == 0) {
      fail(shape.ndim > 1 ? ErrorKind::kIndex : ErrorKind::kRuntime,
           "[" + std::string(call.op.name) + "] dimension " + std::to_string(i) + " of shape " + to_string(shape) +
               " is empty: the operation has no identity");
    }
  }
}

graph::Cost reduce_cost(const Call& call, const Shape& out) {
  double n = static_cast<double>(call[0].numel());
  return {n, n * dtype_size(call.dtype(0)) + static_cast<double>(out.numel()) * 4};
}

template <cpu::ReduceOp op>
void reduce_kernel(const KernelCall& call) {
  cpu::reduce(op, call.in[0], mask_of(call.attrs), call.out[0]);
}

Var spread(VjpCall& call, const Var& x, const Shape& shape) {
  return expand(restore_dims(x, mask_of(call.attrs()), shape.ndim), shape);
}

void sum_vjp(VjpCall& call) {
  Var x = call.in(0);
  call.set(0, cast(spread(call, call.grad(), x->shape()), x->dtype));
}
void mean_vjp(VjpCall& call) {
  Var x = call.in(0);
  double count = static_cast<double>(x->numel()) / static_cast<double>(call.out()->numel() ? call.out()->numel() : 1);
  call.set(0, cast(spread(call, call.grad() / count, x->shape()), x->dtype));
}
// The gradient of an element is the product of the others. Without zeros that is a quotient; one or two zeros among the
// reduced elements are written out so that their values stay in the graph, which makes second derivatives right as well.
void prod_vjp(VjpCall& call) {
  static const OpDef& prod_op = graph::registry().at("prod");
  Var x = call.in(0);
  u32 mask = mask_of(call.attrs());
  Var zero = equal(x, 0.0);
  Var zeros = sum(cast(zero, DType::kInt64), mask, true);
  Var others = where(zero, 1.0, x);
  Var zero_sum = sum(where(zero, x, 0.0), mask, true);
  Node* node = others.get();
  i64 words[2] = {mask, 1};
  Var nonzero = graph::apply(prod_op, &node, 1, words, 2);
  Var quotient = nonzero / others;
  Var one_zero = where(zero, nonzero, zero_sum * quotient);
  Var two_zeros = where(zero, (zero_sum - x) * nonzero, 0.0);
  Var gradient = where(equal(zeros, 0.0), quotient,
                       where(equal(zeros, 1.0), one_zero, where(equal(zeros, 2.0), two_zeros, 0.0)));
  call.set(0, cast(restore_dims(call.grad(), mask, x->ndim) * gradient, x->dtype));
}
// Ties share the gradient equally.
void extreme_vjp(VjpCall& call) {
  Var x = call.in(0), y = restore_dims(call.out(), mask_of(call.attrs()), x->ndim);
  Var chosen = cast(logical_or(eq(x, y), logical_and(isnan(x), isnan(y))), x->dtype);
  Var count = sum(chosen, mask_of(call.attrs()), true);
  call.set(0, restore_dims(call.grad(), mask_of(call.attrs()), x->ndim) / count * chosen);
}

template <cpu::ReduceOp op>
OpDef reduction(const char* name) {
  return OpDef(name)
      .category(OpCategory::kReduction)
      .inputs({"x"})
      .attr("dim", AttrKind::kDims)
      .attr("keepdim", AttrKind::kBool, 0)
      .shape(reduce_shape)
      .cost(reduce_cost)
      .cpu(reduce_kernel<op>, 1);
}

// ---- arg-reductions: dim (kNoDim: flattened), keepdim
Shape arg_shape(const Call& call) {
  Shape shape = call.shape(0);
  bool all = call.attrs[0] == kNoDim;
  if (all ? shape.numel() == 0 : shape.ndim && shape[static_cast<int>(call.attrs[0])] == 0) {
    index_error("[" + std::string(call.op.name) + "] shape " + to_string(shape) +
                " has no elements to choose from: expected a reduction dimension of size above 0");
  }
  return reduced_shape(shape, all ? ~0u : 1u << call.attrs[0], call.attrs[1]);
}
template <bool largest>
void arg_kernel(const KernelCall& call) {
  int dim = call.attrs[0] == kNoDim || call.in[0].shape.ndim == 0 ? -1 : static_cast<int>(call.attrs[0]);
  cpu::arg_reduce(largest, call.in[0], dim, call.out[0]);
}
OpDef arg_reduction(const char* name, graph::Kernel kernel) {
  return OpDef(name)
      .category(OpCategory::kReduction)
      .inputs({"x"})
      .attr("dim", AttrKind::kDim, kNoDim)
      .attr("keepdim", AttrKind::kBool, 0)
      .only(graph::kFloats | graph::kIntegers)
      .dtype(int64_result)
      .shape(arg_shape)
      .no_grad("the result is an index")
      .cost(reduce_cost)
      .cpu(kernel, 1);
}

// ---- softmax pair: dim
template <bool log>
void softmax_kernel(const KernelCall& call) {
  cpu::softmax(log, call.in[0], static_cast<int>(call.attrs[0]), call.out[0]);
}
template <bool log>
void softmax_grad_kernel(const KernelCall& call) {
  cpu::softmax_grad(log, call.in[0], call.in[1], static_cast<int>(call.attrs[0]), call.out[0]);
}
template <bool log>
void softmax_vjp(VjpCall& call) {
  static const OpDef& grad_op = graph::registry().at(log ? "log_softmax_grad" : "softmax_grad");
  call.set(0, graph::apply(grad_op, {call.grad(), call.out()}, {call.attrs()[0]}));
}
u32 dim_mask(VjpCall& call) { return call.in(0)->ndim ? 1u << call.attrs()[0] : 0; }

// softmax_grad(g, y) = y * (g - sum(g * y))
void softmax_grad_vjp(VjpCall& call) {
  Var h = call.grad(), g = call.in(0), y = call.in(1);
  u32 mask = dim_mask(call);
  Var hy = sum(h * y, mask, true);
  if (call.needs(0)) call.set(0, y * (h - hy));
  if (call.needs(1)) call.set(1, h * (g - sum(g * y, mask, true)) - g * hy);
}
// log_softmax_grad(g, y) = g - exp(y) * sum(g)
void log_softmax_grad_vjp(VjpCall& call) {
  Var h = call.grad(), g = call.in(0), y = call.in(1);
  u32 mask = dim_mask(call);
  Var p = exp(y);
  if (call.needs(0)) call.set(0, h - sum(h * p, mask, true));
  if (call.needs(1)) call.set(1, neg(h * p) * sum(g, mask, true));
}
OpDef softmax_op(const char* name, graph::Kernel kernel) {
  return OpDef(name)
      .category(OpCategory::kReduction)
      .inputs({"x"})
      .attr("dim", AttrKind::kDim)
      .only(graph::kFloats)
      .shape(first_shape)
      .saves(0, true)
      .cost(streaming_cost<5>)
      .cpu(kernel, 1);
}
OpDef softmax_grad_op(const char* name, graph::Kernel kernel) {
  return OpDef(name)
      .category(OpCategory::kReduction)
      .inputs({"grad", "result"})
      .attr("dim", AttrKind::kDim)
      .only(graph::kFloats)
      .shape(first_shape)
      .saves(0b11)
      .cost(streaming_cost<4>)
      .cpu(kernel);
}

template <cpu::ReduceOp... ops>
std::optional<cpu::ReduceOp> find_kernel(graph::Kernel kernel) {
  std::optional<cpu::ReduceOp> found;
  ((kernel == reduce_kernel<ops> ? void(found = ops) : void()), ...);
  return found;
}

}  // namespace

std::optional<cpu::ReduceOp> reduce_op(const OpDef& op) {
  using cpu::ReduceOp;
  return find_kernel<ReduceOp::kSum, ReduceOp::kMean, ReduceOp::kProd, ReduceOp::kMax, ReduceOp::kMin, ReduceOp::kAny,
                     ReduceOp::kAll>(op.kernel);
}

void register_reduce(graph::Registry& ops) {
  using cpu::ReduceOp;
  ops.add(reduction<ReduceOp::kSum>("sum").dtype(sum_dtype).vjp(sum_vjp));
  ops.add(reduction<ReduceOp::kMean>("mean").only(graph::kFloats).vjp(mean_vjp));
  ops.add(reduction<ReduceOp::kProd>("prod").dtype(sum_dtype).vjp(prod_vjp).saves(1));
  ops.add(reduction<ReduceOp::kMax>("amax").check(need_elements).vjp(extreme_vjp).saves(1, true));
  ops.add(reduction<ReduceOp::kMin>("amin").check(need_elements).vjp(extreme_vjp).saves(1, true));
  const char* logic = "the result is not a floating-point number";
  ops.add(reduction<ReduceOp::kAny>("any").dtype(bool_result).no_grad(logic));
  ops.add(reduction<ReduceOp::kAll>("all").dtype(bool_result).no_grad(logic));
  ops.add(arg_reduction("argmax", arg_kernel<true>));
  ops.add(arg_reduction("argmin", arg_kernel<false>));
  ops.add(softmax_op("softmax", softmax_kernel<false>).vjp(softmax_vjp<false>));
  ops.add(softmax_op("log_softmax", softmax_kernel<true>).vjp(softmax_vjp<true>));
  ops.add(softmax_grad_op("softmax_grad", softmax_grad_kernel<false>).vjp(softmax_grad_vjp));
  ops.add(softmax_grad_op("log_softmax_grad", softmax_grad_kernel<true>).vjp(log_softmax_grad_vjp));
}

}  // namespace pyflame::ops
