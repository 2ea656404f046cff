// Ordering along one dimension: sort, topk, and the ops that pick one element of each line. All return values and their
// places; the gradient of the values goes back to the places.
#include "cpu/sort.h"

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
using graph::OutputSpec;
using graph::VjpCall;

namespace {

i64 line_of(const Call& call) { return call[0].ndim ? call[0].dims()[dim_of(call.attrs)] : 1; }

int values_and_places(const Call& call, const Shape& shape, OutputSpec* specs) {
  specs[0] = {call.dtype(0), shape};
  specs[1] = {DType::kInt64, shape};
  return 2;
}

Cost sort_cost(const Call& call, const Shape& out) {
  double n = static_cast<double>(call[0].numel()), depth = 1;
  for (i64 line = line_of(call); line > 1; line /= 2) ++depth;
  return {n * depth, n * static_cast<double>(dtype_size(call.dtype(0))) +
                         static_cast<double>(out.numel() * (dtype_size(call.dtype(0)) + 8))};
}

OpDef ordering(const char* name) {
  return OpDef(name)
      .category(OpCategory::kSort)
      .inputs({"x"})
      .attr("dim", AttrKind::kDim)
      .vjp(scatter_back)
      .saves(1)
      .cost(sort_cost);
}

// ---- sort: dim, descending
int sort_outputs(const Call& call, OutputSpec* specs) { return values_and_places(call, call.shape(0), specs); }
void sort_kernel(const KernelCall& call) {
  cpu::sort(ranked(call.in[0]), dim_of(call.attrs), call.attrs[1], ranked(call.out[0]), ranked(call.out[1]));
}

// ---- topk: dim, k, largest, sorted
int topk_outputs(const Call& call, OutputSpec* specs) {
  i64 k = call.attrs[1], line = line_of(call);
  if (k < 0 || k > line || (call[0].ndim == 0 && k != 1)) {
    refuse(call, {0}, "k is " + std::to_string(k) + ", but dimension " + std::to_string(dim_of(call.attrs)) + " has " +
                          std::to_string(line) + " elements");
  }
  Shape shape = call.shape(0);
  if (shape.ndim) shape[dim_of(call.attrs)] = k;
  return values_and_places(call, shape, specs);
}
void topk_kernel(const KernelCall& call) {
  const i64* attrs = call.attrs;
  cpu::topk(ranked(call.in[0]), dim_of(attrs), attrs[2], attrs[3], ranked(call.out[0]), ranked(call.out[1]));
}

// ---- median, nanmedian, mode: dim, keepdim; kthvalue: dim, keepdim, k
int pick_outputs(const Call& call, OutputSpec* specs) {
  Shape shape = call.shape(0), out = reduced_shape(shape, 1u << dim_of(call.attrs), call.attrs[1]);
  if (line_of(call) == 0) {
    index_error("[" + std::string(call.op.name) + "] x has shape " + to_string(shape) +
                ": expected a dimension of size above 0 to pick from");
  }
  return values_and_places(call, out, specs);
}
int kthvalue_outputs(const Call& call, OutputSpec* specs) {
  int count = pick_outputs(call, specs);
  i64 k = call.attrs[2];
  if (k < 1 || k > line_of(call)) {
    refuse(call, {0}, "k is " + std::to_string(k) + ", but dimension " + std::to_string(dim_of(call.attrs)) + " has " +
                          std::to_string(line_of(call)) + " elements, counted from 1");
  }
  return count;
}
template <cpu::Pick which>
void pick_kernel(const KernelCall& call) {
  i64 n = which == cpu::Pick::kNth ? call.attrs[2] - 1 : 0;
  cpu::pick(which, n, ranked(call.in[0]), dim_of(call.attrs), call.out[0], call.out[1]);
}
OpDef picking(const char* name) { return ordering(name).attr("keepdim", AttrKind::kBool, 0); }

}  // namespace

void scatter_back(VjpCall& call) {
  Var x = call.in(0), places = call.out(1), grad = call.grad();
  if (!places) {  // let go of by everyone, so perhaps never stored
    Node *input = x.get(), *node = call.node();
    places = graph::apply_multi(call.op, &input, 1, call.attrs(), static_cast<int>(node->record()->count))[1];
  }
  u32 mask = 1u << dim_of(call.attrs());
  call.set(0, scatter_add(zeros_like(x), restore_dims(places, mask, x->ndim), restore_dims(grad, mask, x->ndim),
                          dim_of(call.attrs())));
}

void register_sort(graph::Registry& ops) {
  using cpu::Pick;
  u16 numbers = graph::kFloats | graph::kIntegers;
  ops.add(ordering("sort").attr("descending", AttrKind::kBool, 0).outputs(sort_outputs).cpu(sort_kernel, 1));
  ops.add(ordering("topk")
              .attr("k", AttrKind::kInt)
              .attr("largest", AttrKind::kBool, 1)
              .attr("sorted", AttrKind::kBool, 1)
              .only(numbers)
              .outputs(topk_outputs)
              .cpu(topk_kernel, 1));
  ops.add(picking("kthvalue").attr("k", AttrKind::kInt).only(numbers).outputs(kthvalue_outputs).cpu(pick_kernel<Pick::kNth>, 1));
  ops.add(picking("median").only(numbers).outputs(pick_outputs).cpu(pick_kernel<Pick::kMedian>, 1));
  ops.add(picking("nanmedian").only(numbers).outputs(pick_outputs).cpu(pick_kernel<Pick::kNanMedian>, 1));
  ops.add(picking("mode").outputs(pick_outputs).cpu(pick_kernel<Pick::kMode>, 1));
}

}  // namespace pyflame::ops
