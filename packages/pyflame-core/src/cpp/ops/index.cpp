// Gather, scatter and selection along one dimension, and the triangles of a matrix.
//
// The records take int64 indices only; ops/index.py converts other integer dtypes. A value outside the dimension is
// found when the kernel runs, because an index may itself be pending.
#include "cpu/index.h"

#include "ops/along.h"
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

Cost read_cost(const Call& call, const Shape& out) { return indexed_cost(call, out.numel()); }

// ---- gather, scatter_add: an index as large as the result, or the source
Shape gather_shape(const Call& call) {
  check_reach(call);
  return call.shape(1);
}

void gather_vjp(VjpCall& call) {
  call.set(0, scatter_add(zeros_like(call.in(0)), call.in(1), call.grad(), dim_of(call.attrs())));
}
void scatter_add_vjp(VjpCall& call) {
  if (call.needs(0)) call.set(0, call.grad());
  if (call.needs(2)) call.set(2, gather(call.grad(), call.in(1), dim_of(call.attrs())));
}

void gather_kernel(const KernelCall& call) {
  cpu::gather(ranked(call.in[0]), dim_of(call.attrs), ranked(call.in[1]), ranked(call.out[0]));
}
void scatter_add_kernel(const KernelCall& call) {
  cpu::scatter_add(ranked(call.in[0]), dim_of(call.attrs), ranked(call.in[1]), ranked(call.in[2]),
                   ranked(call.out[0]));
}

// ---- index_select, index_add: whole slices, named by a short index
void check_short(const Call& call) {
  if (call[1].ndim > 1) refuse(call, {1}, "expected at most one dimension");
}
Shape select_shape(const Call& call) {
  check_short(call);
  Shape shape = call.shape(0);
  if (shape.ndim) {
    shape[dim_of(call.attrs)] = call[1].numel();
  } else if (call[1].numel() != 1) {
    refuse(call, {0, 1}, "a 0-d tensor has one value to select");
  }
  return shape;
}
Shape index_add_shape(const Call& call) {
  check_short(call);
  Shape base = call.shape(0), expected = ranked(base);
  expected[dim_of(call.attrs)] = call[1].numel();
  if (base.ndim != call[2].ndim || expected != ranked(call.shape(2))) {
    refuse(call, {0, 1, 2}, "expected src to have shape " + to_string(base.ndim ? expected : base));
  }
  return base;
}

void index_select_vjp(VjpCall& call) {
  call.set(0, index_add(zeros_like(call.in(0)), call.in(1), call.grad(), dim_of(call.attrs())));
}
void index_add_vjp(VjpCall& call) {
  if (call.needs(0)) call.set(0, call.grad());
  if (call.needs(2)) call.set(2, index_select(call.grad(), call.in(1), dim_of(call.attrs())));
}

void index_select_kernel(const KernelCall& call) {
  cpu::index_select(ranked(call.in[0]), dim_of(call.attrs), ranked(call.in[1]), ranked(call.out[0]));
}
void index_add_kernel(const KernelCall& call) {
  cpu::index_add(ranked(call.in[0]), dim_of(call.attrs), ranked(call.in[1]), ranked(call.in[2]), ranked(call.out[0]));
}

// ---- triangles: diagonal
Shape triangle_shape(const Call& call) {
  if (call[0].ndim < 2) refuse(call, {0}, "expected at least two dimensions");
  return call.shape(0);
}
template <bool upper>
void triangle_kernel(const KernelCall& call) {
  cpu::triangle(upper, call.attrs[0], call.in[0], call.out[0]);
}
template <bool upper>
void triangle_vjp(VjpCall& call) {
  static const OpDef& op = graph::registry().at(upper ? "triu" : "tril");
  call.set(0, graph::apply(op, {call.grad()}, {call.attrs()[0]}));
}

OpDef reading(const char* name) {
  return OpDef(name)
      .category(OpCategory::kIndex)
      .inputs({"x", "index"})
      .attr("dim", AttrKind::kDim)
      .promote_inputs(0b01)
      .check(check_index)
      .saves(0b10)
      .cost(read_cost);
}
OpDef triangle(const char* name) {
  return OpDef(name)
      .category(OpCategory::kIndex)
      .inputs({"x"})
      .attr("diagonal", AttrKind::kInt, 0)
      .shape(triangle_shape)
      .cost(streaming_cost<0>);
}

}  // namespace

Var gather(const Var& x, const Var& index, int dim) {
  static const OpDef& op = graph::registry().at("gather");
  return graph::apply(op, {x, index}, {dim});
}
Var scatter_add(const Var& base, const Var& index, const Var& src, int dim) {
  static const OpDef& op = graph::registry().at("scatter_add");
  return graph::apply(op, {base, index, src}, {dim});
}
Var index_select(const Var& x, const Var& index, int dim) {
  static const OpDef& op = graph::registry().at("index_select");
  return graph::apply(op, {x, index}, {dim});
}
Var index_add(const Var& base, const Var& index, const Var& src, int dim) {
  static const OpDef& op = graph::registry().at("index_add");
  return graph::apply(op, {base, index, src}, {dim});
}

void register_index(graph::Registry& ops) {
  ops.add(reading("gather").shape(gather_shape).vjp(gather_vjp).cpu(gather_kernel, 0b11));
  ops.add(reading("index_select").shape(select_shape).vjp(index_select_vjp).cpu(index_select_kernel, 0b11));
  ops.add(writing("scatter_add").shape(scatter_shape).vjp(scatter_add_vjp).cpu(scatter_add_kernel, 0b111));
  ops.add(writing("index_add").shape(index_add_shape).vjp(index_add_vjp).cpu(index_add_kernel, 0b111));
  ops.add(triangle("tril").vjp(triangle_vjp<false>).cpu(triangle_kernel<false>, 1));
  ops.add(triangle("triu").vjp(triangle_vjp<true>).cpu(triangle_kernel<true>, 1));
}

}  // namespace pyflame::ops
