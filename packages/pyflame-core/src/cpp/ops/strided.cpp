// Windows on the memory of a tensor: what views are made of once their base has been written to (bindings/storage.h).
//
// A window is a shape, strides and an offset, in elements of the base laid out in order.
#include <algorithm>
#include <vector>

#include "cpu/elementwise.h"
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

void check_window(const Call& call, const Shape& shape, const Shape& strides, i64 offset) {
  auto refuse = [&](const std::string& why) {
    runtime_error("[" + std::string(call.op.name) + "] x has shape " + to_string(call.shape(0)) + ", window " +
                  to_string(shape) + " with strides " + to_string(strides) + " from " + std::to_string(offset) + ": " + why);
  };
  if (shape.ndim != strides.ndim) refuse("expected as many strides as sizes");
  if (offset < 0) refuse("the offset must not be negative");
  i64 last = offset;
  for (int d = 0; d < shape.ndim; ++d) {
    if (shape[d] < 0) refuse("a size is negative");
    if (shape[d] == 0) return;
    if (strides[d] < 0) refuse("strides must not be negative");
    last += (shape[d] - 1) * strides[d];
  }
  if (last >= call[0].numel()) refuse("it leaves the " + std::to_string(call[0].numel()) + " elements of x");
}

// ---- as_strided: size, stride, offset
const i64* strides_word(const i64* attrs) { return after_list(attrs); }
i64 offset_word(const i64* attrs) { return *after_list(after_list(attrs)); }

Shape as_strided_shape(const Call& call) {
  Shape size = read_list(call.attrs);
  check_window(call, size, read_list(strides_word(call.attrs)), offset_word(call.attrs));
  return size;
}
bool as_strided_view(const i64* attrs, const Shape& in_shape, const Shape& in_strides, const Shape&, i64* offset, Shape* out) {
  if (!is_contiguous(in_shape, in_strides)) return false;
  *out = read_list(strides_word(attrs));
  *offset += offset_word(attrs);
  return true;
}

// The place in x of each position of an overlapping window, as an index into the flat x.
Var positions(const Shape& shape, const Shape& strides, i64 offset) {
  i64 n = shape.numel();
  Buffer* buffer = allocate_buffer(static_cast<std::size_t>(n) * sizeof(i64), "as_strided");
  i64* out = static_cast<i64*>(buffer->data);
  i64 index[kMaxDims] = {}, at = offset;
  for (i64 i = 0; i < n; ++i) {
    out[i] = at;
    for (int d = shape.ndim; d-- > 0;) {
      at += strides[d];
      if (++index[d] < shape[d]) break;
      at -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
  return graph::make_leaf(DType::kInt64, Shape{n}, buffer);
}

void as_strided_vjp(VjpCall& call) {
  Shape size = read_list(call.attrs()), strides = read_list(strides_word(call.attrs()));
  i64 offset = offset_word(call.attrs());
  Var x = call.in(0);
  if (!window_overlaps(size, strides)) {
    call.set(0, as_strided_scatter(full(x->shape(), 0.0, call.grad()->dtype), call.grad(), strides, offset));
    return;
  }
  Var flat = full(Shape{x->numel()}, 0.0, call.grad()->dtype);
  Var sum = index_add(flat, positions(size, strides, offset), reshape(call.grad(), Shape{size.numel()}), 0);
  call.set(0, reshape(sum, x->shape()));
}

// ---- as_strided_scatter: offset (a parameter, so that walking over rows finds the same plan), stride
Shape scatter_shape(const Call& call) {
  if (call.dtype(0) != call.dtype(1)) {
    runtime_error("[as_strided_scatter] x has dtype " + std::string(dtype_name(call.dtype(0))) + ", src has dtype " +
                  std::string(dtype_name(call.dtype(1))) + ": convert one of them");
  }
  check_window(call, call.shape(1), read_list(call.attrs + 1), call.attrs[0]);
  return call.shape(0);
}
void scatter_kernel(const KernelCall& call) {
  const cpu::View &x = call.in[0], &src = call.in[1], &out = call.out[0];
  if (x.data != out.data) cpu::copy_strided(x, out);
  if (src.numel() == 0) return;
  char* start = static_cast<char*>(out.data) + static_cast<i64>(call.params[0]) * dtype_size(out.dtype);
  cpu::copy_strided(src, cpu::View{start, out.dtype, src.shape, read_list(call.attrs + 1)});
}
void scatter_vjp(VjpCall& call) {
  const i64* attrs = call.attrs();
  Shape strides = read_list(attrs + 1), size = call.in(1)->shape();
  if (call.needs(0)) {
    call.set(0, as_strided_scatter(call.grad(), full(size, 0.0, call.grad()->dtype), strides, attrs[0]));
  }
  if (call.needs(1)) call.set(1, as_strided(call.grad(), size, strides, attrs[0]));
}

// ---- with_history: the values of one tensor, the gradient path of another (a change under no_grad)
Shape same_shapes(const Call& call) {
  if (call.shape(0) != call.shape(1) || call.dtype(0) != call.dtype(1)) {
    runtime_error("[with_history] value and history must have the same shape and dtype");
  }
  return call.shape(0);
}
void copy_kernel(const KernelCall& call) {
  if (call.in[0].data != call.out[0].data) cpu::copy_strided(call.in[0], call.out[0]);
}
void with_history_vjp(VjpCall& call) {
  if (call.needs(1)) call.set(1, call.grad());
}

void push(std::vector<i64>& words, const Shape& list) {
  words.push_back(list.ndim);
  words.insert(words.end(), list.begin(), list.end());
}

}  // namespace

bool window_overlaps(const Shape& shape, const Shape& strides) {
  std::vector<std::pair<i64, i64>> dims;  // stride, size
  for (int d = 0; d < shape.ndim; ++d) {
    if (shape[d] == 0) return false;
    if (shape[d] > 1) dims.push_back({strides[d], shape[d]});
  }
  std::sort(dims.begin(), dims.end());
  i64 reach = 0;
  for (auto [stride, size] : dims) {
    if (stride <= reach) return true;
    reach += (size - 1) * stride;
  }
  return false;
}

Var as_strided(const Var& x, const Shape& size, const Shape& strides, i64 offset) {
  static const OpDef& op = graph::registry().at("as_strided");
  std::vector<i64> words;
  push(words, size);
  push(words, strides);
  words.push_back(offset);
  Node* in = x.get();
  return graph::apply(op, &in, 1, words.data(), static_cast<int>(words.size()));
}
Var as_strided_scatter(const Var& x, const Var& src, const Shape& strides, i64 offset) {
  static const OpDef& op = graph::registry().at("as_strided_scatter");
  std::vector<i64> words = {offset};
  push(words, strides);
  Node* in[2] = {x.get(), src.get()};
  return graph::apply(op, in, 2, words.data(), static_cast<int>(words.size()));
}
Var with_history(const Var& value, const Var& history) {
  static const OpDef& op = graph::registry().at("with_history");
  return graph::apply(op, {value, history});
}

void register_strided(graph::Registry& ops) {
  ops.add(OpDef("as_strided")
              .category(OpCategory::kShape)
              .inputs({"x"})
              .attr("size", AttrKind::kInts)
              .attr("stride", AttrKind::kInts)
              .attr("offset", AttrKind::kInt, 0)
              .shape(as_strided_shape)
              .view(as_strided_view)
              .vjp(as_strided_vjp)
              .cost([](const Call&, const Shape&) { return graph::Cost{}; }));
  ops.add(OpDef("as_strided_scatter")
              .category(OpCategory::kShape)
              .inputs({"x", "src"})
              .attr("offset", AttrKind::kParamInt)
              .attr("stride", AttrKind::kInts)
              .promote_inputs(0)
              .shape(scatter_shape)
              .vjp(scatter_vjp)
              .cost(streaming_cost<0>)
              .cpu(scatter_kernel, 0b10)
              .in_place(0b01));
  ops.add(OpDef("with_history")
              .category(OpCategory::kShape)
              .inputs({"value", "history"})
              .promote_inputs(0)
              .shape(same_shapes)
              .vjp(with_history_vjp)
              .cost(streaming_cost<0>)
              .cpu(copy_kernel, 0b11)
              .in_place(0b01));
}

}  // namespace pyflame::ops
