// Shape ops. Most are views: a rule from strides to strides, and no kernel.
#include <numeric>

#include "cpu/elementwise.h"
#include "cpu/pad.h"
#include "ops/functions.h"
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

graph::Cost no_cost(const Call&, const Shape&) { return {}; }

OpDef view_op(const char* name) {
  return OpDef(name).category(OpCategory::kShape).inputs({"x"}).cost(no_cost);
}

// ---- reshape: shape (one -1 allowed)
Shape reshape_shape(const Call& call) {
  Shape in = call.shape(0), out = read_list(call.attrs);
  i64 known = 1;
  int open = -1;
  bool empty = false, too_many = false;
  for (int i = 0; i < out.ndim; ++i) {
    if (out[i] == -1) {
      if (open >= 0) runtime_error("[reshape] shape " + to_string(out) + " has more than one -1: only one can be inferred");
      open = i;
    } else if (out[i] < 0) {
      runtime_error("[reshape] shape " + to_string(out) + " has a negative size");
    } else if (__builtin_mul_overflow(known, out[i], &known)) {
      too_many = true;
    }
    empty |= out[i] == 0;
  }
  if (empty) known = 0;
  else if (too_many) runtime_error("[reshape] shape " + to_string(out) + " has more elements than can be addressed");
  i64 n = in.numel();
  if (open >= 0 && known > 0 && n % known == 0) out[open] = n / known;
  else if (open >= 0 || known != n) {
    runtime_error("[reshape] x has shape " + to_string(in) + " (" + std::to_string(n) + " elements): shape " + to_string(out) +
                  (open >= 0 && known == 0 ? " leaves -1 ambiguous" : " does not fit"));
  }
  return out;
}

bool reshape_view(const i64*, const Shape& in_shape, const Shape& in_strides, const Shape& out_shape, i64*, Shape* out) {
  if (is_contiguous(in_shape, in_strides)) {
    *out = contiguous_strides(out_shape);
    return true;
  }
  // Split the input into runs of dimensions that are contiguous among themselves; every output dimension must lie
  // inside one run.
  out->ndim = out_shape.ndim;
  int o = out_shape.ndim - 1;
  i64 run = 1, stride = 0;
  for (int i = in_shape.ndim; i-- > 0;) {
    if (run == 1) stride = in_strides[i];
    run *= in_shape[i];
    bool ends = i == 0 || (in_shape[i - 1] != 1 && in_strides[i - 1] != run * stride);
    if (!ends) continue;
    i64 filled = 1;
    while (o >= 0 && (filled < run || out_shape[o] == 1)) {
      (*out)[o] = filled * stride;
      filled *= out_shape[o--];
    }
    if (filled != run) return false;
    run = 1;
  }
  return o < 0;
}

void reshape_vjp(VjpCall& call) { call.set(0, reshape(call.grad(), call.in(0)->shape())); }

// ---- expand: shape (-1 keeps)
Shape expand_shape(const Call& call) {
  Shape in = call.shape(0), out = read_list(call.attrs);
  int lead = out.ndim - in.ndim;
  auto refuse = [&](const std::string& why) {
    runtime_error("[expand] x has shape " + to_string(in) + ", target shape " + to_string(read_list(call.attrs)) + ": " + why);
  };
  if (lead < 0) refuse("the target has fewer dimensions");
  for (int i = 0; i < out.ndim; ++i) {
    if (out[i] == -1) {
      if (i < lead) refuse("-1 is not allowed for a new leading dimension");
      out[i] = in[i - lead];
    } else if (i >= lead && in[i - lead] != 1 && in[i - lead] != out[i]) {
      refuse("size " + std::to_string(in[i - lead]) + " cannot become " + std::to_string(out[i]));
    }
  }
  return out;
}
bool expand_view(const i64*, const Shape& in_shape, const Shape& in_strides, const Shape& out_shape, i64*, Shape* out) {
  *out = broadcast_strides(in_shape, in_strides, out_shape);
  return true;
}
void expand_vjp(VjpCall& call) { call.set(0, unbroadcast(call.grad(), call.in(0).get())); }

// ---- permute: order
Shape permute_shape(const Call& call) {
  Shape in = call.shape(0), order = read_list(call.attrs), out;
  u32 seen = 0;
  for (i64 dim : order) {
    if (dim >= 0 && dim < in.ndim && !(seen >> dim & 1)) out.push(in[static_cast<int>(dim)]);
    seen |= dim >= 0 && dim < kMaxDims ? 1u << dim : 0;
  }
  if (order.ndim != in.ndim || out.ndim != in.ndim) {
    runtime_error("[permute] dims " + to_string(order) + " are not a permutation of the " + std::to_string(in.ndim) +
                  " dimensions of x, shape " + to_string(in));
  }
  return out;
}
bool permute_view(const i64* attrs, const Shape&, const Shape& in_strides, const Shape&, i64*, Shape* out) {
  Shape order = read_list(attrs);
  for (i64 dim : order) out->push(in_strides[static_cast<int>(dim)]);
  return true;
}
void permute_vjp(VjpCall& call) {
  Shape order = read_list(call.attrs()), inverse = order;
  for (int i = 0; i < order.ndim; ++i) inverse[static_cast<int>(order[i])] = i;
  call.set(0, permute(call.grad(), inverse));
}

// ---- slice: dim, start, step, length (already clamped)
Shape slice_shape(const Call& call) {
  Shape out = call.shape(0);
  i64 dim = call.attrs[0], start = call.attrs[1], step = call.attrs[2], length = call.attrs[3];
  if (out.ndim == 0) index_error("[slice] a 0-d tensor has no dimension to slice");
  if (dim < 0 || dim >= out.ndim) wrap_dim("slice", dim, out.ndim);
  i64 size = out[static_cast<int>(dim)];
  if (step < 1) value_error("[slice] step " + std::to_string(step) + " must be positive");
  if (start < 0 || length < 0 || start > size || (length > 0 && start + (length - 1) * step >= size)) {
    index_error("[slice] " + std::to_string(length) + " elements from " + std::to_string(start) +
                " leave dimension " + std::to_string(dim) + " of size " + std::to_string(size));
  }
  out[static_cast<int>(dim)] = length;
  return out;
}
bool slice_view(const i64* attrs, const Shape&, const Shape& in_strides, const Shape&, i64* offset, Shape* out) {
  *out = in_strides;
  int dim = static_cast<int>(attrs[0]);
  *offset += attrs[1] * in_strides[dim];
  (*out)[dim] = in_strides[dim] * attrs[2];
  return true;
}
void slice_vjp(VjpCall& call) {
  static const OpDef& embed = graph::registry().at("embed");
  const i64* a = call.attrs();
  call.set(0, graph::apply(embed, {call.grad()}, {a[0], a[1], a[2], call.in(0)->dims()[a[0]]}));
}

// ---- embed: dim, start, step, size: x placed among zeros; what slice undoes
Shape embed_shape(const Call& call) {
  Shape out = call.shape(0);
  if (out.ndim == 0) index_error("[embed] a 0-d tensor has no dimension to embed");
  int dim = static_cast<int>(call.attrs[0]);
  i64 length = out[dim], start = call.attrs[1], step = call.attrs[2], size = call.attrs[3];
  if (start < 0 || step < 1 || start > size || (length > 0 && start + (length - 1) * step >= size)) {
    index_error("[embed] " + std::to_string(length) + " elements from " + std::to_string(start) + " in steps of " +
                std::to_string(step) + " leave dimension " + std::to_string(dim) + " of size " + std::to_string(size));
  }
  out[dim] = size;
  return out;
}
cpu::View window(const cpu::View& out, int dim, i64 start, i64 step, const Shape& shape) {
  cpu::View part = out;
  part.data = static_cast<char*>(out.data) + start * out.strides[dim] * dtype_size(out.dtype);
  part.shape = shape;
  part.strides[dim] *= step;
  return part;
}
void embed_kernel(const KernelCall& call) {
  const cpu::View &in = call.in[0], &out = call.out[0];
  const int dim = static_cast<int>(call.attrs[0]);
  if (call.attrs[2] == 1 && in.contiguous()) {
    i64 starts[kMaxDims] = {};
    starts[dim] = call.attrs[1];
    return cpu::place_among_zeros(in, starts, out);
  }
  if (out.numel() == 0) return;  // it has no memory either
  std::memset(out.data, 0, static_cast<std::size_t>(out.numel() * dtype_size(out.dtype)));
  if (in.numel() == 0) return;
  cpu::copy_strided(in, window(out, dim, call.attrs[1], call.attrs[2], in.shape));
}
void embed_vjp(VjpCall& call) {
  static const OpDef& slice_op = graph::registry().at("slice");
  const i64* a = call.attrs();
  call.set(0, graph::apply(slice_op, {call.grad()}, {a[0], a[1], a[2], call.in(0)->dims()[a[0]]}));
}

// ---- cat: dim
Shape cat_shape(const Call& call) {
  if (call.count == 0) value_error("[cat] expected at least one tensor, got an empty list");
  Shape out = call.shape(0);
  if (out.ndim == 0) runtime_error("[cat] zero-dimensional tensors cannot be joined: use stack");
  int dim = static_cast<int>(call.attrs[0]);
  for (int i = 1; i < call.count; ++i) {
    Shape next = call.shape(i);
    bool fits = next.ndim == out.ndim;
    for (int d = 0; fits && d < out.ndim; ++d) fits = d == dim || next[d] == out[d];
    if (!fits) {
      runtime_error("[cat] tensor 0 has shape " + to_string(call.shape(0)) + ", tensor " + std::to_string(i) + " has shape " +
                    to_string(next) + ": sizes must match except in dimension " + std::to_string(dim));
    }
    out[dim] += next[dim];
  }
  return out;
}
void cat_kernel_n(const KernelCall& call, int count) {
  int dim = static_cast<int>(call.attrs[0]);
  i64 start = 0;
  for (int i = 0; i < count; ++i) {
    const cpu::View& part = call.in[i];
    if (part.numel()) cpu::copy_strided(part, window(call.out[0], dim, start, 1, part.shape));
    start += part.shape[dim];
  }
}
void cat_kernel(const KernelCall& call) { cat_kernel_n(call, call.num_inputs); }
void cat_vjp(VjpCall& call) {
  int dim = static_cast<int>(call.attrs()[0]);
  i64 start = 0;
  for (int i = 0; i < call.num_inputs(); ++i) {
    i64 size = call.in(i)->dims()[dim];
    if (call.needs(i)) call.set(i, slice(call.grad(), dim, start, size));
    start += size;
  }
}

// ---- flip: dims (mask)
void flip_kernel(const KernelCall& call) {
  cpu::View in = call.in[0];
  if (in.numel() == 0) return;
  for (int d = 0; d < in.shape.ndim; ++d) {
    if (!(call.attrs[0] >> d & 1)) continue;
    in.data = static_cast<char*>(in.data) + (in.shape[d] - 1) * in.strides[d] * dtype_size(in.dtype);
    in.strides[d] = -in.strides[d];
  }
  cpu::copy_strided(in, call.out[0]);
}
void flip_vjp(VjpCall& call) {
  static const OpDef& flip = graph::registry().at("flip");
  call.set(0, graph::apply(flip, {call.grad()}, {call.attrs()[0]}));
}

// ---- alias and to_layout: the same values
bool same_view(const i64*, const Shape&, const Shape& in_strides, const Shape&, i64*, Shape* out) {
  *out = in_strides;
  return true;
}
void alias_vjp(VjpCall& call) { call.set(0, call.grad()); }
void to_layout_vjp(VjpCall& call) {
  static const OpDef& to_layout = graph::registry().at("to_layout");
  call.set(0, graph::apply(to_layout, {call.grad()}, {call.in(0)->layout}));
}

}  // namespace

void register_shape(graph::Registry& ops) {
  ops.add(view_op("reshape").attr("shape", AttrKind::kInts).shape(reshape_shape).view(reshape_view).ordered().vjp(reshape_vjp));
  ops.add(view_op("expand").attr("shape", AttrKind::kInts).shape(expand_shape).view(expand_view).vjp(expand_vjp));
  ops.add(view_op("permute").attr("dims", AttrKind::kInts).shape(permute_shape).view(permute_view).vjp(permute_vjp));
  ops.add(view_op("slice")
              .attr("dim", AttrKind::kDim)
              .attr("start", AttrKind::kInt)
              .attr("step", AttrKind::kInt)
              .attr("length", AttrKind::kInt)
              .shape(slice_shape)
              .view(slice_view)
              .vjp(slice_vjp));
  ops.add(view_op("alias").shape(first_shape).view(same_view).vjp(alias_vjp));
  ops.add(view_op("to_layout").attr("layout", AttrKind::kInt).shape(first_shape).view(same_view).layouts().vjp(to_layout_vjp));
  ops.add(OpDef("embed")
              .category(OpCategory::kShape)
              .inputs({"x"})
              .attr("dim", AttrKind::kDim)
              .attr("start", AttrKind::kInt)
              .attr("step", AttrKind::kInt)
              .attr("size", AttrKind::kInt)
              .shape(embed_shape)
              .vjp(embed_vjp)
              .cost(streaming_cost<0>)
              .cpu(embed_kernel, 1));
  ops.add(OpDef("cat")
              .category(OpCategory::kShape)
              .inputs({"tensors"}, true)
              .attr("dim", AttrKind::kDim, 0)
              .shape(cat_shape)
              .vjp(cat_vjp)
              .cost(streaming_cost<0>)
              .cpu(cat_kernel, ~0u));
  ops.add(OpDef("flip")
              .category(OpCategory::kShape)
              .inputs({"x"})
              .attr("dims", AttrKind::kDims)
              .shape(first_shape)
              .vjp(flip_vjp)
              .cost(streaming_cost<0>)
              .cpu(flip_kernel, 1));
}

}  // namespace pyflame::ops
