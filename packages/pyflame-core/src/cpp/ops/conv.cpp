// 2-d convolution and its two gradients. Convolution is linear in the input and in the weight, so the three records
// are each other's gradients, to any order.
#include "cpu/conv.h"

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
using graph::VjpCall;

namespace {

// The words that all three records end with: stride, padding, dilation (pairs), groups. The gradients have two words
// before them, the height and width of what they return.
constexpr int kGeometryWords = 10, kSizeWords = 2;

cpu::ConvGeometry geometry_of(const i64* words) {
  return {{words[1], words[2]}, {words[4], words[5]}, {words[7], words[8]}, words[9]};
}

// The shape of convolving `input` with `weight`, of which at least one is an operand of the call.
Shape convolved(const Call& call, const Shape& input, const Shape& weight, const cpu::ConvGeometry& geometry) {
  if (input[1] != weight[1] * geometry.groups) {
    refuse(call, {0, 1}, "channels " + std::to_string(input[1]) + " differ from weight's " +
                             std::to_string(weight[1]) + " x groups " + std::to_string(geometry.groups));
  }
  if (weight[0] % geometry.groups) {
    refuse(call, {0, 1}, std::to_string(weight[0]) + " output channels do not divide into " +
                             std::to_string(geometry.groups) + " groups");
  }
  Shape out{input[0], weight[0]};
  for (int i = 0; i < 2; ++i) {
    i64 padded = input[2 + i] + 2 * geometry.padding[i];
    i64 window = geometry.dilation[i] * (weight[2 + i] - 1) + 1;
    const char* axis = i ? "width" : "height";
    if (weight[2 + i] < 1) refuse(call, {0, 1}, std::string("the kernel has no elements in ") + axis);
    if (window > padded) {
      refuse(call, {0, 1}, "the kernel spans " + std::to_string(window) + ", more than the " +
                               std::to_string(padded) + " padded elements in " + axis);
    }
    out.push((padded - window) / geometry.stride[i] + 1);
  }
  return out;
}

void check_conv(const Call& call) {
  check_pairs(call);
  if (call[0].ndim != 4 || call[1].ndim != 4) refuse(call, {0, 1}, "both need four dimensions");
  i64 groups = call.attrs[call.op.attr_defs[0].kind == AttrKind::kInts ? 9 : kSizeWords + 9];
  if (groups < 1) refuse(call, {0, 1}, "groups " + std::to_string(groups) + " is not positive");
}
void check_grad(const Call& call, const Shape& expected) {
  if (call.shape(0) != expected) refuse(call, {0, 1}, "the convolution of that size gives " + to_string(expected));
}

Shape conv2d_shape(const Call& call) {
  return convolved(call, call.shape(0), call.shape(1), geometry_of(call.attrs));
}
Shape grad_input_shape(const Call& call) {
  cpu::ConvGeometry geometry = geometry_of(call.attrs + kSizeWords);
  Shape grad = call.shape(0), weight = call.shape(1);
  Shape input{grad[0], weight[1] * geometry.groups, call.attrs[0], call.attrs[1]};
  check_grad(call, convolved(call, input, weight, geometry));
  return input;
}
Shape grad_weight_shape(const Call& call) {
  cpu::ConvGeometry geometry = geometry_of(call.attrs + kSizeWords);
  Shape grad = call.shape(0), input = call.shape(1);
  Shape weight{grad[1], input[1] / geometry.groups, call.attrs[0], call.attrs[1]};
  check_grad(call, convolved(call, input, weight, geometry));
  return weight;
}

Var conv2d(const Var& input, const Var& weight, const i64* geometry) {
  static const OpDef& op = graph::registry().at("conv2d");
  Node* nodes[2] = {input.get(), weight.get()};
  return graph::apply(op, nodes, 2, geometry, kGeometryWords);
}
// `like` has, in its last two dimensions, the size of the result.
Var apply_sized(const OpDef& op, const Var& grad, const Var& other, const Var& like, const i64* geometry) {
  Node* nodes[2] = {grad.get(), other.get()};
  i64 words[kSizeWords + kGeometryWords] = {like->dims()[2], like->dims()[3]};
  std::copy(geometry, geometry + kGeometryWords, words + kSizeWords);
  return graph::apply(op, nodes, 2, words, kSizeWords + kGeometryWords);
}
Var grad_input(const Var& grad, const Var& weight, const Var& input, const i64* geometry) {
  static const OpDef& op = graph::registry().at("conv2d_grad_input");
  return apply_sized(op, grad, weight, input, geometry);
}
Var grad_weight(const Var& grad, const Var& input, const Var& weight, const i64* geometry) {
  static const OpDef& op = graph::registry().at("conv2d_grad_weight");
  return apply_sized(op, grad, input, weight, geometry);
}

// Each follows from <u, conv2d(x, w)> = <grad_input(u, w), x> = <grad_weight(u, x), w>.
void conv2d_vjp(VjpCall& call) {
  Var x = call.in(0), w = call.in(1), u = call.grad();
  if (call.needs(0)) call.set(0, grad_input(u, w, x, call.attrs()));
  if (call.needs(1)) call.set(1, grad_weight(u, x, w, call.attrs()));
}
void grad_input_vjp(VjpCall& call) {
  Var g = call.in(0), w = call.in(1), u = call.grad();
  const i64* geometry = call.attrs() + kSizeWords;
  if (call.needs(0)) call.set(0, conv2d(u, w, geometry));
  if (call.needs(1)) call.set(1, grad_weight(g, u, w, geometry));
}
void grad_weight_vjp(VjpCall& call) {
  Var g = call.in(0), x = call.in(1), u = call.grad();
  const i64* geometry = call.attrs() + kSizeWords;
  if (call.needs(0)) call.set(0, conv2d(x, u, geometry));
  if (call.needs(1)) call.set(1, grad_input(g, u, x, geometry));
}

// A multiplication and an addition for each output element (of the forward direction) and weight that reaches it.
Cost products(const Call& call, i64 outputs, const Shape& weight, const Shape& out) {
  return {2.0 * static_cast<double>(outputs) * static_cast<double>(weight[1] * weight[2] * weight[3]),
          moved_bytes(call, out)};
}
Cost conv2d_cost(const Call& call, const Shape& out) { return products(call, out.numel(), call.shape(1), out); }
Cost grad_input_cost(const Call& call, const Shape& out) {
  return products(call, call[0].numel(), call.shape(1), out);
}
Cost grad_weight_cost(const Call& call, const Shape& out) { return products(call, call[0].numel(), out, out); }

void conv2d_kernel(const KernelCall& call) {
  cpu::conv2d(call.in[0], call.in[1], geometry_of(call.attrs), call.out[0]);
}
void grad_input_kernel(const KernelCall& call) {
  cpu::conv2d_grad_input(call.in[0], call.in[1], geometry_of(call.attrs + kSizeWords), call.out[0]);
}
void grad_weight_kernel(const KernelCall& call) {
  cpu::conv2d_grad_weight(call.in[0], call.in[1], geometry_of(call.attrs + kSizeWords), call.out[0]);
}

OpDef with_geometry(OpDef op) {
  return op.attr("stride", AttrKind::kInts)
      .attr("padding", AttrKind::kInts)
      .attr("dilation", AttrKind::kInts)
      .attr("groups", AttrKind::kInt)
      .category(OpCategory::kConv)
      .only(graph::kFloats)
      .check(check_conv)
      .saves(0b11)
      .reading({0b10, 0b01});
}

}  // namespace

void register_conv(graph::Registry& ops) {
  ops.add(with_geometry(OpDef("conv2d").inputs({"input", "weight"}))
              .shape(conv2d_shape)
              .vjp(conv2d_vjp)
              .cost(conv2d_cost)
              .cpu(conv2d_kernel));
  ops.add(with_geometry(OpDef("conv2d_grad_input")
                            .inputs({"grad", "weight"})
                            .attr("input_h", AttrKind::kInt)
                            .attr("input_w", AttrKind::kInt))
              .shape(grad_input_shape)
              .vjp(grad_input_vjp)
              .cost(grad_input_cost)
              .cpu(grad_input_kernel));
  ops.add(with_geometry(OpDef("conv2d_grad_weight")
                            .inputs({"grad", "input"})
                            .attr("kernel_h", AttrKind::kInt)
                            .attr("kernel_w", AttrKind::kInt))
              .shape(grad_weight_shape)
              .vjp(grad_weight_vjp)
              .cost(grad_weight_cost)
              .cpu(grad_weight_kernel));
}

}  // namespace pyflame::ops
