// Scatter: a source written, or combined with what is there, where an index says. Sums are scatter_add (ops/index.cpp).
#include "cpu/scatter.h"

#include "ops/along.h"
#include "ops/functions.h"
#include "ops/refuse.h"
#include "ops/register.h"
#include "ops/rules.h"

namespace pyflame::ops {

using graph::AttrKind;
using graph::Call;
using graph::KernelCall;
using graph::OpDef;
using graph::VjpCall;

namespace {

void run(cpu::ScatterOp op, const KernelCall& call) {
  cpu::scatter(op, ranked(call.in[0]), dim_of(call.attrs), ranked(call.in[1]), ranked(call.in[2]), ranked(call.out[0]));
}

// ---- scatter: dim
Var scatter(const Var& base, const Var& index, const Var& src, int dim) {
  static const OpDef& op = graph::registry().at("scatter");
  return graph::apply(op, {base, index, src}, {dim});
}
void scatter_kernel(const KernelCall& call) { run(cpu::ScatterOp::kWrite, call); }
// An element written twice keeps one of the values, but both sources receive its gradient, as in PyTorch.
void scatter_vjp(VjpCall& call) {
  Var index = call.in(1), grad = call.grad();
  int dim = dim_of(call.attrs());
  if (call.needs(0)) call.set(0, scatter(grad, index, full(index->shape(), 0.0, grad->dtype), dim));
  if (call.needs(2)) call.set(2, gather(grad, index, dim));
}

// ---- scatter_reduce: dim, reduce
constexpr cpu::ScatterOp kReductions[] = {cpu::ScatterOp::kProd, cpu::ScatterOp::kMax, cpu::ScatterOp::kMin};
constexpr i64 kProd = 0;

void check_reduction(const Call& call) {
  check_source(call);
  if (static_cast<u64>(call.attrs[1]) > 2) {
    runtime_error("[scatter_reduce] reduce is " + std::to_string(call.attrs[1]) +
                  ": expected 0 (prod), 1 (amax) or 2 (amin)");
  }
}
void reduce_kernel(const KernelCall& call) { run(kReductions[call.attrs[1]], call); }

// The gradient of a factor is the product of the others: a quotient unless a factor is 0; with one zero among those of
// a place only its own gradient is left, with two none.
void prod_vjp(VjpCall& call) {
  Var base = call.in(0), index = call.in(1), src = call.in(2);
  int dim = dim_of(call.attrs());
  Var base_zero = equal(base, 0.0), src_zero = equal(src, 0.0);
  Var zeros = scatter_add(cast(base_zero, DType::kInt64), index, cast(src_zero, DType::kInt64), dim);
  Var base_factor = where(base_zero, 1.0, base), src_factor = where(src_zero, 1.0, src);
  Var product = graph::apply(call.op, {base_factor, index, src_factor}, {dim, kProd}) * call.grad();
  auto others = [](const Var& is_zero, const Var& factor, const Var& zeros, const Var& product) {
    Var alone = where(equal(zeros, 1.0), product, 0.0);
    return where(is_zero, alone, where(equal(zeros, 0.0), product / factor, 0.0));
  };
  if (call.needs(0)) call.set(0, others(base_zero, base_factor, zeros, product));
  if (call.needs(2)) call.set(2, others(src_zero, src_factor, gather(zeros, index, dim), gather(product, index, dim)));
}
// Ties share the gradient equally.
void extreme_vjp(VjpCall& call) {
  Var base = call.in(0), index = call.in(1), src = call.in(2), y = call.out();
  int dim = dim_of(call.attrs());
  Var base_chosen = cast(eq(base, y), y->dtype), src_chosen = cast(eq(src, gather(y, index, dim)), y->dtype);
  Var share = call.grad() / scatter_add(base_chosen, index, src_chosen, dim);
  if (call.needs(0)) call.set(0, share * base_chosen);
  if (call.needs(2)) call.set(2, gather(share, index, dim) * src_chosen);
}
void reduce_vjp(VjpCall& call) { call.attrs()[1] == kProd ? prod_vjp(call) : extreme_vjp(call); }

}  // namespace

void register_scatter(graph::Registry& ops) {
  ops.add(writing("scatter").shape(scatter_shape).vjp(scatter_vjp).cpu(scatter_kernel, 0b111));
  ops.add(writing("scatter_reduce")
              .attr("reduce", AttrKind::kInt)
              .check(check_reduction)
              .shape(scatter_shape)
              .vjp(reduce_vjp)
              .saves(0b111, true)
              .cpu(reduce_kernel, 0b111));
}

}  // namespace pyflame::ops
