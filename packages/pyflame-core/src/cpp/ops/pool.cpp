// 2-d pooling over the last two dimensions of (..., h, w), and its gradients.
#include "cpu/pool.h"

#include <algorithm>

#include "ops/functions.h"
#include "ops/refuse.h"
#include "ops/register.h"
#include "ops/window.h"

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

// The gradients have two words before the others, the height and width of what they return.
constexpr int kSizeWords = 2;

// max_pool2d: kernel, stride, padding, dilation (pairs), ceil_mode
constexpr int kMaxWords = 13;
cpu::PoolGeometry max_geometry(const i64* words) {
  return {{words[1], words[2]}, {words[4], words[5]}, {words[7], words[8]}, {words[10], words[11]}};
}
bool max_ceil_mode(const i64* words) { return words[12]; }

// avg_pool2d: kernel, stride, padding (pairs), ceil_mode, count_include_pad, divisor
constexpr int kAverageWords = 12;
cpu::PoolGeometry average_geometry(const i64* words) {
  return {{words[1], words[2]}, {words[4], words[5]}, {words[7], words[8]}, {1, 1}};
}
bool average_ceil_mode(const i64* words) { return words[9]; }

void check_rank(const Call& call) {
  if (call[0].ndim < 3) refuse(call, {0}, "expected at least three dimensions (channels, height, width)");
}
Shape with_planes_of(const Shape& shape, i64 height, i64 width) {
  Shape out(shape.dims, shape.ndim - 2);
  out.push(height);
  out.push(width);
  return out;
}

i64 floor_div(i64 a, i64 b) { return a / b - (a % b < 0); }

// How many windows fit. With ceil_mode a last window may hang over the end, but it must start inside the input or the
// leading padding, or it would see nothing but padding.
i64 pooled_extent(const Call& call, i64 extent, int i, const cpu::PoolGeometry& geometry, bool ceil_mode) {
  i64 kernel = geometry.kernel[i], stride = geometry.stride[i], padding = geometry.padding[i];
  const char* axis = i ? "width" : "height";
  if (extent < 1) refuse(call, {0}, std::string(axis) + " has no elements to pool");
  if (padding > kernel / 2) {
    refuse(call, {0}, "padding " + std::to_string(padding) + " in " + axis + " is more than half of kernel size " +
                          std::to_string(kernel));
  }
  i64 dilation = geometry.dilation[i], slack = extent + 2 * padding - dilation * (kernel - 1) - 1;
  i64 windows = floor_div(slack + (ceil_mode ? stride - 1 : 0), stride) + 1;
  if (ceil_mode && (windows - 1) * stride >= extent + padding) --windows;
  if (windows < 1) {
    refuse(call, {0}, "the kernel spans " + std::to_string(dilation * (kernel - 1) + 1) + ", more than the " +
                          std::to_string(extent + 2 * padding) + " padded elements in " + axis);
  }
  // A dilated window that starts in the padding may step over the whole input: its maximum would have no position.
  for (i64 start = -padding, last = (windows - 1) * stride - padding; start < 0 && start <= last; start += stride) {
    if ((start % dilation + dilation) % dilation >= extent) {
      refuse(call, {0}, "dilation " + std::to_string(dilation) + " with padding " + std::to_string(padding) + " in " +
                            axis + " gives a window without elements");
    }
  }
  return windows;
}
Shape pooled(const Call& call, const Shape& input, const cpu::PoolGeometry& geometry, bool ceil_mode) {
  i64 height = pooled_extent(call, input[input.ndim - 2], 0, geometry, ceil_mode);
  i64 width = pooled_extent(call, input[input.ndim - 1], 1, geometry, ceil_mode);
  return with_planes_of(input, height, width);
}

i64 num_planes(const Shape& shape) { return Shape(shape.dims, shape.ndim - 2).numel(); }
cpu::View planes(const cpu::View& view) {
  Shape shape{num_planes(view.shape), view.shape[view.shape.ndim - 2], view.shape[view.shape.ndim - 1]};
  return {view.data, view.dtype, shape, contiguous_strides(shape)};
}

Cost window_cost(const Call& call, const Shape& out, i64 windows, const i64* kernel) {
  return {static_cast<double>(windows) * static_cast<double>(kernel[1] * kernel[2]), moved_bytes(call, out)};
}

// ---- max_pool2d: values, and positions in the flattened plane
int max_pool2d_outputs(const Call& call, OutputSpec* specs) {
  check_rank(call);
  Shape shape = pooled(call, call.shape(0), max_geometry(call.attrs), max_ceil_mode(call.attrs));
  specs[0] = {call.dtype(0), shape};
  specs[1] = {DType::kInt64, shape};
  return 2;
}
Cost max_pool2d_cost(const Call& call, const Shape& out) {
  Cost cost = window_cost(call, out, out.numel(), call.attrs);
  cost.bytes += static_cast<double>(out.numel() * dtype_size(DType::kInt64));
  return cost;
}
void max_pool2d_kernel(const KernelCall& call) {
  const cpu::View& positions = call.out[1];
  cpu::max_pool2d(planes(call.in[0]), max_geometry(call.attrs), planes(call.out[0]),
                  positions.numel() ? planes(positions) : cpu::View{});
}
void max_pool2d_vjp(VjpCall& call) {
  static const OpDef& op = graph::registry().at("max_pool2d_grad");
  Var x = call.in(0), positions = call.out(1);
  if (!positions) {  // let go of by everyone, so perhaps never stored
    Node* node = x.get();
    positions = graph::apply_multi(call.op, &node, 1, call.attrs(), kMaxWords)[1];
  }
  call.set(0, graph::apply(op, {call.grad(), positions}, {x->dims()[x->ndim - 2], x->dims()[x->ndim - 1]}));
}

// ---- max_pool2d_grad: input_h, input_w
void check_positions(const Call& call) {
  check_rank(call);
  check_int64(call, 1);
  if (call.shape(0) != call.shape(1)) refuse(call, {0, 1}, "expected the same shape");
}
Shape sized_like_input(const Call& call) { return with_planes_of(call.shape(0), call.attrs[0], call.attrs[1]); }
void max_pool2d_grad_kernel(const KernelCall& call) {
  cpu::max_pool2d_grad(planes(call.in[0]), planes(call.in[1]), planes(call.out[0]));
}
Var flat_planes(const Var& x) {
  Shape shape = x->shape();
  return reshape(x, {num_planes(shape), shape[shape.ndim - 2] * shape[shape.ndim - 1]});
}
void max_pool2d_grad_vjp(VjpCall& call) {
  Var positions = call.in(1);
  call.set(0, reshape(gather(flat_planes(call.grad()), flat_planes(positions), 1), positions->shape()));
}

// ---- avg_pool2d and its gradient, which are each other's
Shape avg_pool2d_shape(const Call& call) {
  check_rank(call);
  return pooled(call, call.shape(0), average_geometry(call.attrs), average_ceil_mode(call.attrs));
}
Shape avg_pool2d_grad_shape(const Call& call) {
  check_rank(call);
  const i64* words = call.attrs + kSizeWords;
  Shape input = sized_like_input(call);
  Shape expected = pooled(call, input, average_geometry(words), average_ceil_mode(words));
  if (call.shape(0) != expected) {
    refuse(call, {0}, "pooling an input of shape " + to_string(input) + " gives " + to_string(expected));
  }
  return input;
}
Cost avg_pool2d_cost(const Call& call, const Shape& out) { return window_cost(call, out, out.numel(), call.attrs); }
Cost avg_pool2d_grad_cost(const Call& call, const Shape& out) {
  return window_cost(call, out, call[0].numel(), call.attrs + kSizeWords);
}
void avg_pool2d_kernel(const KernelCall& call) {
  cpu::avg_pool2d(planes(call.in[0]), average_geometry(call.attrs), call.attrs[10], call.attrs[11],
                  planes(call.out[0]));
}
void avg_pool2d_grad_kernel(const KernelCall& call) {
  const i64* words = call.attrs + kSizeWords;
  cpu::avg_pool2d_grad(planes(call.in[0]), average_geometry(words), words[10], words[11], planes(call.out[0]));
}
void avg_pool2d_vjp(VjpCall& call) {
  static const OpDef& op = graph::registry().at("avg_pool2d_grad");
  Var x = call.in(0), grad = call.grad();
  Node* node = grad.get();
  i64 words[kSizeWords + kAverageWords] = {x->dims()[x->ndim - 2], x->dims()[x->ndim - 1]};
  std::copy(call.attrs(), call.attrs() + kAverageWords, words + kSizeWords);
  call.set(0, graph::apply(op, &node, 1, words, kSizeWords + kAverageWords));
}
void avg_pool2d_grad_vjp(VjpCall& call) {
  static const OpDef& op = graph::registry().at("avg_pool2d");
  Var grad = call.grad();
  Node* node = grad.get();
  call.set(0, graph::apply(op, &node, 1, call.attrs() + kSizeWords, kAverageWords));
}

OpDef pool(const char* name, std::vector<const char*> inputs) {
  return OpDef(name).category(OpCategory::kPool).inputs(std::move(inputs)).only(graph::kFloats);
}
OpDef with_size(OpDef op) { return op.attr("input_h", AttrKind::kInt).attr("input_w", AttrKind::kInt); }
OpDef with_window(OpDef op) {
  return op.attr("kernel", AttrKind::kInts)
      .attr("stride", AttrKind::kInts)
      .attr("padding", AttrKind::kInts)
      .check(check_pairs);
}
OpDef with_average(OpDef op) {
  return with_window(std::move(op))
      .attr("ceil_mode", AttrKind::kBool)
      .attr("count_include_pad", AttrKind::kBool)
      .attr("divisor", AttrKind::kInt);
}

}  // namespace

void register_pool(graph::Registry& ops) {
  ops.add(with_window(pool("max_pool2d", {"input"}))
              .attr("dilation", AttrKind::kInts)
              .attr("ceil_mode", AttrKind::kBool)
              .only(graph::kFloats | graph::kIntegers)
              .outputs(max_pool2d_outputs)
              .spare(0b10)
              .vjp(max_pool2d_vjp)
              .saves(1)
              .cost(max_pool2d_cost)
              .cpu(max_pool2d_kernel));
  ops.add(with_size(pool("max_pool2d_grad", {"grad", "indices"}))
              .promote_inputs(0b01)
              .check(check_positions)
              .shape(sized_like_input)
              .vjp(max_pool2d_grad_vjp)
              .saves(0b10)
              .cost(streaming_cost<1>)
              .cpu(max_pool2d_grad_kernel));
  ops.add(with_average(pool("avg_pool2d", {"input"}))
              .shape(avg_pool2d_shape)
              .vjp(avg_pool2d_vjp)
              .cost(avg_pool2d_cost)
              .cpu(avg_pool2d_kernel));
  ops.add(with_average(with_size(pool("avg_pool2d_grad", {"grad"})))
              .shape(avg_pool2d_grad_shape)
              .vjp(avg_pool2d_grad_vjp)
              .cost(avg_pool2d_grad_cost)
              .cpu(avg_pool2d_grad_kernel));
}

}  // namespace pyflame::ops
