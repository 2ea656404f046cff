// Weighted sums of elements at places that an index names, what sampling at fractional places comes down to. The three
// records are the derivatives of T = sum of a * weight * x[index] by a, x and weight (cpu/weighted.h), so the
// derivatives of each are the other two.
#include "cpu/weighted.h"

#include "ops/functions.h"
#include "ops/refuse.h"
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

constexpr u16 kNative = static_cast<u16>(1u << static_cast<int>(DType::kFloat32) | 1u << static_cast<int>(DType::kFloat64));

// a (n, c, p) and x (n, c, s) where they are operands; index (n, k, p) and weight, where it is one.
void check_ranks(const Call& call) {
  for (int i = 0; i < 3; ++i) {
    if (call[i].ndim != 3) refuse(call, {0, 1, 2}, "each needs three dimensions");
  }
}

Shape gather_shape(const Call& call) {
  check_ranks(call);
  check_int64(call, 1);
  Shape x = call.shape(0), index = call.shape(1);
  if (index != call.shape(2) || index[0] != x[0]) refuse(call, {0, 1, 2}, "expected (n, c, size) and twice (n, taps, points)");
  return {x[0], x[1], index[2]};
}
Shape scatter_shape(const Call& call) {
  check_ranks(call);
  check_int64(call, 1);
  Shape a = call.shape(0), index = call.shape(1);
  if (index != call.shape(2) || index[0] != a[0] || index[2] != a[2]) {
    refuse(call, {0, 1, 2}, "expected (n, c, points) and twice (n, taps, points)");
  }
  if (call.attrs[0] < 0) runtime_error("[weighted_scatter] size is " + std::to_string(call.attrs[0]) + ": expected 0 or more");
  return {a[0], a[1], call.attrs[0]};
}
Shape dot_shape(const Call& call) {
  check_ranks(call);
  check_int64(call, 2);
  Shape a = call.shape(0), x = call.shape(1), index = call.shape(2);
  if (a[0] != x[0] || a[1] != x[1] || index[0] != x[0] || index[2] != a[2]) {
    refuse(call, {0, 1, 2}, "expected (n, c, points), (n, c, size) and (n, taps, points)");
  }
  return index;
}

template <int a_or_x, int index>
Cost weighted_cost(const Call& call, const Shape& out) {
  const double products = static_cast<double>(call[index].numel()) * static_cast<double>(call[a_or_x].dims()[1]);
  return {2 * products, streaming_cost<0>(call, out).bytes};
}

void gather_kernel(const KernelCall& call) { cpu::weighted_gather(call.in[0], call.in[1], call.in[2], call.out[0]); }
void scatter_kernel(const KernelCall& call) { cpu::weighted_scatter(call.in[0], call.in[1], call.in[2], call.out[0]); }
void dot_kernel(const KernelCall& call) { cpu::gathered_dot(call.in[0], call.in[1], call.in[2], call.out[0]); }

Var weighted_gather(const Var& x, const Var& index, const Var& weight) {
  static const OpDef& op = graph::registry().at("weighted_gather");
  return graph::apply(op, {x, index, weight});
}
Var weighted_scatter(const Var& a, const Var& index, const Var& weight, i64 size) {
  static const OpDef& op = graph::registry().at("weighted_scatter");
  return graph::apply(op, {a, index, weight}, {size});
}
Var gathered_dot(const Var& a, const Var& x, const Var& index) {
  static const OpDef& op = graph::registry().at("gathered_dot");
  return graph::apply(op, {a, x, index});
}

void gather_vjp(VjpCall& call) {
  Var x = call.in(0), index = call.in(1);
  if (call.needs(0)) call.set(0, weighted_scatter(call.grad(), index, call.in(2), x->dims()[2]));
  if (call.needs(2)) call.set(2, gathered_dot(call.grad(), x, index));
}
void scatter_vjp(VjpCall& call) {
  Var index = call.in(1);
  if (call.needs(0)) call.set(0, weighted_gather(call.grad(), index, call.in(2)));
  if (call.needs(2)) call.set(2, gathered_dot(call.in(0), call.grad(), index));
}
void dot_vjp(VjpCall& call) {
  Var x = call.in(1), index = call.in(2);
  if (call.needs(0)) call.set(0, weighted_gather(x, index, call.grad()));
  if (call.needs(1)) call.set(1, weighted_scatter(call.in(0), index, call.grad(), x->dims()[2]));
}

// ---- composites: every channel its own copy of the index, in one line
Var in_channels(const Var& index, i64 channels) {
  Shape shape = index->shape();
  return reshape(expand(reshape(index, {shape[0], 1, shape[1], shape[2]}), {shape[0], channels, shape[1], shape[2]}),
                 {shape[0], channels, shape[1] * shape[2]});
}
Var in_taps(const Var& line, const Var& index) {
  return reshape(line, {line->dims()[0], line->dims()[1], index->dims()[1], index->dims()[2]});
}
// (n, 1, taps, points) or (n, c, 1, points), to be broadcast.
Var beside(const Var& x, int dim) {
  Shape shape = x->shape();
  return reshape(x, dim == 1 ? Shape{shape[0], 1, shape[1], shape[2]} : Shape{shape[0], shape[1], 1, shape[2]});
}
Var no_place(const Var& index) { return beside(index, 1) <= -1.0; }
Var any_place(const Var& index, i64 channels) {
  static const OpDef& clamped = graph::registry().at("maximum");
  return in_channels(graph::apply(clamped, {index, full({}, 0.0, DType::kInt64)}), channels);
}

Var taken(const Var& x, const Var& index) {
  return where(no_place(index), 0.0, in_taps(gather(x, any_place(index, x->dims()[1]), 2), index));
}

void gather_composite(const Call& call, Var* outputs) {
  outputs[0] = sum(taken(Var(call.in[0]), Var(call.in[1])) * beside(Var(call.in[2]), 1), 0b100, false);
}
void scatter_composite(const Call& call, Var* outputs) {
  Var a(call.in[0]), index(call.in[1]);
  const i64 images = a->dims()[0], channels = a->dims()[1];
  Var products = where(no_place(index), 0.0, beside(a, 2) * beside(Var(call.in[2]), 1));
  products = reshape(products, {images, channels, index->dims()[1] * index->dims()[2]});
  outputs[0] = scatter_add(full({images, channels, call.attrs[0]}, 0.0, a->dtype), any_place(index, channels), products, 2);
}
void dot_composite(const Call& call, Var* outputs) {
  outputs[0] = sum(taken(Var(call.in[1]), Var(call.in[2])) * beside(Var(call.in[0]), 2), 0b10, false);
}

OpDef weighted(const char* name, std::vector<const char*> inputs, u32 promoted) {
  return OpDef(name).category(OpCategory::kIndex).inputs(std::move(inputs)).promote_inputs(promoted).only(kNative).saves(0b111);
}

}  // namespace

void register_weighted(graph::Registry& ops) {
  ops.add(weighted("weighted_gather", {"x", "index", "weight"}, 0b101)
              .shape(gather_shape)
              .vjp(gather_vjp)
              .fallback(gather_composite)
              .cost(weighted_cost<0, 1>)
              .cpu(gather_kernel));
  ops.add(weighted("weighted_scatter", {"a", "index", "weight"}, 0b101)
              .attr("size", AttrKind::kInt)
              .shape(scatter_shape)
              .vjp(scatter_vjp)
              .fallback(scatter_composite)
              .cost(weighted_cost<0, 1>)
              .cpu(scatter_kernel));
  ops.add(weighted("gathered_dot", {"a", "x", "index"}, 0b011)
              .shape(dot_shape)
              .vjp(dot_vjp)
              .fallback(dot_composite)
              .cost(weighted_cost<1, 2>)
              .cpu(dot_kernel));
}

}  // namespace pyflame::ops
