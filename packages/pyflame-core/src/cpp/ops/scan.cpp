// Scans along one dimension.
//
// Gradients are scans again. Those of cumprod and logcumsumexp follow the recurrence s[i] = a[i] s[i + 1] + g[i], which
// neither divides by elements that may be 0 nor overflows; its own gradient is the recurrence in the other direction.
#include "cpu/scan.h"

#include <cmath>

#include "ops/along.h"
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

// ---- cumsum, cumprod, logcumsumexp: dim, reverse
bool is_reverse(const i64* attrs) { return attrs[1]; }

DType sum_dtype(const Call& call) { return is_floating(call.dtype(0)) ? call.dtype(0) : DType::kInt64; }

template <cpu::ScanOp op>
void scan_kernel(const KernelCall& call) {
  cpu::scan(op, call.in[0], dim_of(call.attrs), is_reverse(call.attrs), call.out[0]);
}

Var linear_scan(const Var& factor, const Var& term, int dim, bool reverse) {
  static const OpDef& op = graph::registry().at("linear_scan");
  return graph::apply(op, {factor, term}, {dim, reverse});
}

// x moved one place along dim, away from the start (or, backward, from the end), with `fill` in the free place.
Var shifted(const Var& x, int dim, bool backward, double fill) {
  if (x->ndim == 0) return full({}, fill, x->dtype);
  i64 length = x->dims()[dim];
  if (length == 0) return x;
  Shape edge = x->shape();
  edge[dim] = 1;
  Var rest = slice(x, dim, backward ? 1 : 0, length - 1), free = full(edge, fill, x->dtype);
  return backward ? cat({rest, free}, dim) : cat({free, rest}, dim);
}

void cumsum_vjp(VjpCall& call) {
  call.set(0, graph::apply(call.op, {call.grad()}, {call.attrs()[0], !is_reverse(call.attrs())}));
}
// dx[i] = (x[0] ... x[i - 1]) (g[i] + x[i + 1] (g[i + 1] + x[i + 2] ...))
void cumprod_vjp(VjpCall& call) {
  Var x = call.in(0);
  int dim = dim_of(call.attrs());
  bool reverse = is_reverse(call.attrs());
  Var later = linear_scan(shifted(x, dim, !reverse, 0.0), call.grad(), dim, !reverse);
  call.set(0, shifted(call.out(), dim, reverse, 1.0) * later);
}
// dx[i] = exp(x[i] - y[i]) s[i] with s[i] = g[i] + exp(y[i] - y[i + 1]) s[i + 1]
void logcumsumexp_vjp(VjpCall& call) {
  Var x = call.in(0), y = call.out();
  int dim = dim_of(call.attrs());
  bool reverse = is_reverse(call.attrs());
  Var next = shifted(y, dim, !reverse, INFINITY);
  auto ratio = [](const Var& a, const Var& b) {  // exp(a - b) where a <= b; 0 where both are minus infinity
    return where(equal(b, -INFINITY), 0.0, exp(a - b));
  };
  call.set(0, ratio(x, y) * linear_scan(ratio(y, next), call.grad(), dim, !reverse));
}

OpDef scan(const char* name) {
  return OpDef(name).category(OpCategory::kScan).inputs({"x"}).attr("dim", AttrKind::kDim).shape(first_shape);
}
OpDef directed(OpDef op, graph::Kernel kernel) {
  return op.attr("reverse", AttrKind::kBool, 0).cost(streaming_cost<1>).cpu(kernel, 1);
}

// ---- linear_scan: dim, reverse
void check_pair(const Call& call) {
  if (call.shape(0) != call.shape(1)) refuse(call, {0, 1}, "expected the same shape");
}
void linear_scan_kernel(const KernelCall& call) {
  cpu::linear_scan(call.in[0], call.in[1], dim_of(call.attrs), is_reverse(call.attrs), call.out[0]);
}
void linear_scan_vjp(VjpCall& call) {
  int dim = dim_of(call.attrs());
  bool reverse = is_reverse(call.attrs());
  Var term = linear_scan(shifted(call.in(0), dim, !reverse, 0.0), call.grad(), dim, !reverse);
  if (call.needs(0)) call.set(0, term * shifted(call.out(), dim, reverse, 0.0));
  if (call.needs(1)) call.set(1, term);
}

// ---- cummax, cummin: dim
int extreme_outputs(const Call& call, OutputSpec* specs) {
  specs[0] = {call.dtype(0), call.shape(0)};
  specs[1] = {DType::kInt64, call.shape(0)};
  return 2;
}
template <bool largest>
void extreme_kernel(const KernelCall& call) {
  cpu::scan_extreme(largest, call.in[0], dim_of(call.attrs), call.out[0], call.out[1]);
}
OpDef extreme(const char* name, graph::Kernel kernel) {
  return scan(name)
      .only(graph::kFloats | graph::kIntegers)
      .outputs(extreme_outputs)
      .vjp(scatter_back)
      .saves(1)
      .cost(streaming_cost<1>)
      .cpu(kernel, 1);
}

}  // namespace

void register_scan(graph::Registry& ops) {
  using cpu::ScanOp;
  u16 numbers = graph::kFloats | graph::kIntegers;
  ops.add(directed(scan("cumsum"), scan_kernel<ScanOp::kSum>).only(numbers).dtype(sum_dtype).vjp(cumsum_vjp));
  ops.add(directed(scan("cumprod"), scan_kernel<ScanOp::kProd>)
              .only(numbers)
              .dtype(sum_dtype)
              .vjp(cumprod_vjp)
              .saves(1, true));
  ops.add(directed(scan("logcumsumexp"), scan_kernel<ScanOp::kLogSumExp>)
              .only(graph::kFloats)
              .vjp(logcumsumexp_vjp)
              .saves(1, true));
  ops.add(OpDef("linear_scan")
              .category(OpCategory::kScan)
              .inputs({"factor", "term"})
              .attr("dim", AttrKind::kDim)
              .attr("reverse", AttrKind::kBool, 0)
              .only(graph::kFloats)
              .check(check_pair)
              .shape(first_shape)
              .vjp(linear_scan_vjp)
              .saves(0b01, true)
              .cost(streaming_cost<2>)
              .cpu(linear_scan_kernel, 0b11));
  ops.add(extreme("cummax", extreme_kernel<true>));
  ops.add(extreme("cummin", extreme_kernel<false>));
}

}  // namespace pyflame::ops
