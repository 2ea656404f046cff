// Normalization of rows by their own moments. Operands are x and then, where there are any, weight and bias: float64
// beside float64, float32 beside all others. Halves are computed in float32.
#include "cpu/normalize.h"
#include "ops/functions.h"
#include "ops/composite.h"
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

// ---- attributes: eps and `rows`, the number of trailing dimensions of a row (layer_norm, rms_norm) or of groups
enum class Kind { kLayer, kRms, kGroup };

double eps_of(const i64* attrs) { return attr_double(attrs[0]); }

Shape weight_shape(Kind kind, const Shape& x, const i64* attrs) {
  if (kind == Kind::kGroup) return {x[1]};
  Shape shape;
  for (int d = x.ndim - static_cast<int>(attrs[1]); d < x.ndim; ++d) shape.push(x[d]);
  return shape;
}

void check_rows(Kind kind, const Call& call, const Node& x, i64 given) {
  const std::string op = "[" + std::string(call.op.name) + "] ";
  check_dtype(call.op, x.dtype);
  if (kind == Kind::kGroup && (x.ndim < 2 || given < 1 || x.dims()[1] % given)) {
    runtime_error(op + "x has shape " + to_string(x.shape()) + ", which " + std::to_string(given) + " groups do not divide");
  }
  if (kind != Kind::kGroup && (given < 1 || given > x.ndim)) {
    runtime_error(op + "rows of " + std::to_string(given) + " dimensions do not fit x of shape " + to_string(x.shape()));
  }
}

void check_weight(Kind kind, const Call& call, const Node& x, const Node& weight) {
  Shape expected = weight_shape(kind, x.shape(), call.attrs);
  if (weight.shape() == expected && weight.dtype == wide(x.dtype)) return;
  runtime_error("[" + std::string(call.op.name) + "] a weight has shape " + to_string(weight.shape()) + " and dtype " +
                std::string(dtype_name(weight.dtype)) + ": expected " + to_string(expected) + " and " +
                std::string(dtype_name(wide(x.dtype))) + " beside x of shape " + to_string(x.shape()));
}

template <Kind kind>
void check_norm(const Call& call) {
  if (call.count > (kind == Kind::kRms ? 2 : 3)) {
    runtime_error("[" + std::string(call.op.name) + "] got " + std::to_string(call.count) + " operands: expected x, weight" +
                  (kind == Kind::kRms ? "" : " and bias"));
  }
  check_rows(kind, call, call[0], call.attrs[1]);
  for (int i = 1; i < call.count; ++i) check_weight(kind, call, call[0], call[i]);
}

// grad, x [, weight]
template <Kind kind>
void check_norm_grad(const Call& call) {
  if (call.count < 2 || call.count > 3 || call.dtype(0) != call.dtype(1) || !graph::same_shape(call[0], call[1])) {
    runtime_error("[" + std::string(call.op.name) + "] expected grad and x of one shape and dtype, and perhaps a weight");
  }
  check_rows(kind, call, call[1], call.attrs[1]);
  if (call.count == 3) check_weight(kind, call, call[1], call[2]);
}

template <Kind kind>
int grad_outputs(const Call& call, OutputSpec* specs) {
  Shape weight = weight_shape(kind, call.shape(1), call.attrs);
  specs[0] = {call.dtype(1), call.shape(1)};
  specs[1] = specs[2] = {wide(call.dtype(1)), weight};
  return kind == Kind::kRms ? 2 : 3;
}

// ---- kernels
template <Kind kind>
cpu::NormRow row_of(const View& x, const i64* attrs, i64* groups) {
  cpu::NormRow row{1, 1, eps_of(attrs), kind != Kind::kRms};
  *groups = 1;
  if (kind == Kind::kGroup) {
    *groups = attrs[1];
    for (int d = 2; d < x.shape.ndim; ++d) row.segment *= x.shape[d];
    row.n = row.segment * (x.shape[1] / attrs[1]);
  } else {
    for (int d = x.shape.ndim - static_cast<int>(attrs[1]); d < x.shape.ndim; ++d) row.n *= x.shape[d];
  }
  return row;
}

template <Kind kind>
void norm_kernel(const KernelCall& call) {
  i64 groups;
  cpu::NormRow row = row_of<kind>(call.in[0], call.attrs, &groups);
  View none{};
  cpu::normalize(row, groups, call.in[0], call.num_inputs > 1 ? call.in[1] : none, call.num_inputs > 2 ? call.in[2] : none,
                 call.out[0]);
}
template <Kind kind>
void norm_grad_kernel(const KernelCall& call) {
  i64 groups;
  cpu::NormRow row = row_of<kind>(call.in[1], call.attrs, &groups);
  View none{};
  cpu::normalize_grad(row, groups, call.in[0], call.in[1], call.num_inputs > 2 ? call.in[2] : none, call.out[0],
                      call.out[1], kind == Kind::kRms ? none : call.out[2]);
}

// ---- composites
template <Kind kind>
void norm_composite(const Call& call, Var* outputs) {
  Var x(call.in[0]);
  DType dtype = x->dtype;
  Shape shape = x->shape(), rows = shape;
  u32 mask = 0;
  if (dtype != wide(dtype)) x = cast(x, wide(dtype));
  if (kind == Kind::kGroup) {
    i64 batch_groups = shape[0] * call.attrs[1];
    rows = {shape[0], call.attrs[1], batch_groups ? shape.numel() / batch_groups : 0};
    x = reshape(x, rows);
    mask = 0b100;
  } else {
    for (int d = rows.ndim - static_cast<int>(call.attrs[1]); d < rows.ndim; ++d) mask |= 1u << d;
  }
  Var centred = kind == Kind::kRms ? x : x - mean(x, mask, true);
  Var y = centred * rsqrt(mean(square(centred), mask, true) + eps_of(call.attrs));
  if (kind == Kind::kGroup) y = reshape(y, shape);
  Shape along;
  for (int d = 1; d < shape.ndim; ++d) along.push(d == 1 ? shape[1] : 1);
  auto placed = [&](int i) { return kind == Kind::kGroup ? reshape(Var(call.in[i]), along) : Var(call.in[i]); };
  if (call.count > 1) y = y * placed(1);
  if (call.count > 2) y = y + placed(2);
  outputs[0] = y->dtype == dtype ? y : cast(y, dtype);
}

template <Kind kind>
void norm_grad_composite(const Call& call, Var* outputs) {
  static const OpDef& forward = graph::registry().at(kind == Kind::kRms ? "rms_norm" : kind == Kind::kLayer ? "layer_norm" : "group_norm");
  static const u32 wanted = kind == Kind::kRms ? 0b11 : 0b111;
  Var x(call.in[1]), one = full(weight_shape(kind, x->shape(), call.attrs), 1.0, wide(x->dtype));
  Var weight = call.count > 2 ? Var(call.in[2]) : one, bias = zeros_like(weight);
  Node* inputs[] = {x.get(), weight.get(), bias.get()};
  gradient_composite(forward, inputs, kind == Kind::kRms ? 2 : 3, call.attrs, {Var(call.in[0])}, wanted, outputs);
}

template <Kind kind>
void norm_vjp(VjpCall& call) {
  if (composite_gradients(call)) return;
  static const OpDef& op = graph::registry().at(std::string(call.op.name) + "_grad");
  std::vector<Var> operands = {call.grad(), call.in(0)};
  if (call.num_inputs() > 1) operands.push_back(call.in(1));
  std::vector<Node*> nodes;
  for (const Var& operand : operands) nodes.push_back(operand.get());
  std::vector<Var> found = graph::apply_multi(op, nodes.data(), static_cast<int>(nodes.size()), call.attrs(), 2);
  for (int i = 0; i < call.num_inputs(); ++i) {
    if (call.needs(i)) call.set(i, found[static_cast<std::size_t>(i)]);
  }
}

OpDef norm_op(const char* name, const char* rows) {
  return OpDef(name)
      .category(OpCategory::kNorm)
      .inputs({"operands"}, true)
      .attr("eps", AttrKind::kFloat)
      .attr(rows, AttrKind::kInt)
      .promote_inputs(0)
      .only(graph::kFloats);
}

template <Kind kind>
void add(graph::Registry& ops, const char* name, const char* grad_name, const char* rows) {
  ops.add(norm_op(name, rows)
              .check(check_norm<kind>)
              .shape(first_shape)
              .vjp(norm_vjp<kind>)
              .saves(0b011)
              .fallback(norm_composite<kind>)
              .cost(streaming_cost<8>)
              .cpu(norm_kernel<kind>));
  ops.add(norm_op(grad_name, rows)
              .check(check_norm_grad<kind>)
              .outputs(grad_outputs<kind>)
              .no_grad(kOnlyFirstOrder)
              .fallback(norm_grad_composite<kind>)
              .cost(streaming_cost<16>)
              .cpu(norm_grad_kernel<kind>));
}

}  // namespace

void register_norm(graph::Registry& ops) {
  add<Kind::kLayer>(ops, "layer_norm", "layer_norm_grad", "dims");
  add<Kind::kRms>(ops, "rms_norm", "rms_norm_grad", "dims");
  add<Kind::kGroup>(ops, "group_norm", "group_norm_grad", "groups");
}

}  // namespace pyflame::ops
