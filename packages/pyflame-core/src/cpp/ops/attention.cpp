// Scaled dot-product attention: query (batch, heads, queries, features), key and value (batch, groups, keys, ...), and
// perhaps a mask that broadcasts to (batch, heads, queries, keys).
#include "cpu/attention.h"

#include <cmath>

#include "ops/functions.h"
#include "ops/composite.h"
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

// ---- attributes: scale, causal
cpu::AttentionOptions options_of(const i64* attrs) { return {attr_double(attrs[0]), attrs[1] != 0}; }

void check_operands(const Call& call, int first, int mask) {
  const Node &q = call[first], &k = call[first + 1], &v = call[first + 2];
  check_dtype(call.op, q.dtype);
  bool fits = q.ndim == 4 && k.ndim == 4 && v.ndim == 4 && q.dtype == k.dtype && q.dtype == v.dtype;
  fits = fits && q.dims()[0] == k.dims()[0] && k.dims()[0] == v.dims()[0] && k.dims()[1] == v.dims()[1];
  fits = fits && q.dims()[3] == k.dims()[3] && k.dims()[2] == v.dims()[2];
  fits = fits && (k.dims()[1] ? q.dims()[1] % k.dims()[1] == 0 : q.dims()[1] == 0);
  if (!fits) {
    runtime_error("[" + std::string(call.op.name) + "] query has shape " + to_string(q.shape()) + ", key " + to_string(k.shape()) +
                  ", value " + to_string(v.shape()) + ": expected (batch, heads, positions, features) of one dtype, where " +
                  "the heads of keys divide those of queries");
  }
  if (mask >= call.count) return;
  const Node& m = call[mask];
  Shape full{q.dims()[0], q.dims()[1], q.dims()[2], k.dims()[2]}, shape = m.shape();
  bool broadcasts = shape.ndim == 4 && (m.dtype == DType::kBool || m.dtype == q.dtype);
  for (int d = 0; d < 4 && broadcasts; ++d) broadcasts = shape[d] == full[d] || shape[d] == 1;
  if (broadcasts) return;
  runtime_error("[" + std::string(call.op.name) + "] mask has shape " + to_string(shape) + " and dtype " +
                std::string(dtype_name(m.dtype)) + ": expected bool or query's dtype and four sizes that broadcast to " + to_string(full));
}

void check_attention(const Call& call) {
  if (call.count < 3 || call.count > 4) {
    runtime_error("[attention] got " + std::to_string(call.count) + " operands: expected query, key, value and perhaps a mask");
  }
  check_operands(call, 0, 3);
}
void check_attention_grad(const Call& call) {
  if (call.count < 6 || call.count > 7) {
    runtime_error("[attention_grad] got " + std::to_string(call.count) + " operands: expected grad, out, total, query, key, value and perhaps a mask");
  }
  check_operands(call, 3, 6);
}

int attention_outputs(const Call& call, OutputSpec* specs) {
  Shape q = call.shape(0), v = call.shape(2);
  specs[0] = {call.dtype(0), {q[0], q[1], q[2], v[3]}};
  specs[1] = {wide(call.dtype(0)), {q[0], q[1], q[2]}};
  return 2;
}
int attention_grad_outputs(const Call& call, OutputSpec* specs) {
  for (int k = 0; k < 3; ++k) specs[k] = {call.dtype(3), call.shape(3 + k)};
  return 3;
}

template <int products>
Cost attention_cost(const Call& call, const Shape&) {
  Shape q = call.shape(call.count > 4 ? 3 : 0), k = call.shape(call.count > 4 ? 4 : 1), v = call.shape(call.count > 4 ? 5 : 2);
  double pairs = static_cast<double>(q[0] * q[1] * q[2] * k[2]) * (call.attrs[1] ? 0.5 : 1.0);
  double bytes = static_cast<double>(2 * q.numel() + k.numel() + v.numel()) * dtype_size(call.dtype(0));
  return {pairs * static_cast<double>(q[3] + v[3]) * products, bytes};
}

cpu::AttentionInputs inputs_of(const KernelCall& call, int first) {
  cpu::AttentionInputs in{call.in[first], call.in[first + 1], call.in[first + 2], View{}};
  if (call.num_inputs > first + 3) {
    in.mask = call.in[first + 3];
    for (int d = 0; d < 4; ++d) {
      if (in.mask.shape[d] == 1) in.mask.strides[d] = 0;
    }
  }
  return in;
}
void attention_kernel(const KernelCall& call) {
  cpu::attention(options_of(call.attrs), inputs_of(call, 0), call.out[0], call.out[1]);
}
void attention_grad_kernel(const KernelCall& call) {
  cpu::attention_grad(options_of(call.attrs), inputs_of(call, 3), call.in[0], call.in[1], call.in[2], call.out[0], call.out[1],
                      call.out[2]);
}

// ---- composite
Var shared_by_heads(const Var& x, i64 heads) {
  Shape s = x->shape();
  if (s[1] == heads) return x;
  Shape one{s[0], s[1], 1, s[2], s[3]}, many{s[0], s[1], heads / s[1], s[2], s[3]};
  return reshape(expand(reshape(x, one), many), {s[0], heads, s[2], s[3]});
}

// Where no key is seen, the result is zeros and the total plus infinity.
void attention_composite(const Call& call, Var* outputs) {
  static const OpDef &softmax = graph::registry().at("softmax"), &every = graph::registry().at("all");
  static const OpDef& amax = graph::registry().at("amax");
  const DType dtype = call.dtype(0);
  auto widened = [](const Var& x) { return x->dtype == DType::kBool || x->dtype == wide(x->dtype) ? x : cast(x, wide(x->dtype)); };
  Var q = widened(Var(call.in[0])), k = shared_by_heads(widened(Var(call.in[1])), q->dims()[1]);
  Var v = shared_by_heads(widened(Var(call.in[2])), q->dims()[1]);
  i64 queries = q->dims()[2], keys = k->dims()[2];
  Var scores = matmul(q * attr_double(call.attrs[0]), transpose_last(k));
  if (call.attrs[1]) {
    Var seen = le(reshape(arange(keys), {1, keys}), reshape(arange(queries), {queries, 1}));
    scores = where(seen, scores, -INFINITY);
  }
  Var blind;
  if (call.count > 3) {
    Var mask = widened(Var(call.in[3]));
    scores = mask->dtype == DType::kBool ? where(mask, scores, -INFINITY) : scores + mask;
    blind = graph::apply(every, {equal(scores, -INFINITY)}, {0b1000, 1});
    scores = where(blind, 0.0, scores);
  }
  Var weights = graph::apply(softmax, {scores}, {3});
  outputs[0] = matmul(blind ? where(blind, 0.0, weights) : weights, v);
  if (dtype != q->dtype) outputs[0] = cast(outputs[0], dtype);
  if (keys == 0) {
    outputs[1] = full({q->dims()[0], q->dims()[1], queries}, INFINITY, wide(q->dtype));
    return;
  }
  Var top = graph::apply(amax, {scores}, {0b1000, 1}), total = log(sum(exp(scores - top), 0b1000, true)) + top;
  outputs[1] = reshape(blind ? where(blind, INFINITY, total) : total, {q->dims()[0], q->dims()[1], queries});
}

void attention_grad_composite(const Call& call, Var* outputs) {
  static const OpDef& forward = graph::registry().at("attention");
  gradient_composite(forward, call.in + 3, call.count - 3, call.attrs, {Var(call.in[0])}, 0b111, outputs);
}

void attention_vjp(VjpCall& call) {
  const bool beyond = (call.num_inputs() > 3 && call.needs(3)) || call.grad(1);  // what the kernel has no gradient for
  if (composite_gradients(call, beyond)) return;
  static const OpDef& op = graph::registry().at("attention_grad");
  Node* operands[7] = {nullptr};
  Var kept[] = {call.grad(), call.out(0), call.out(1)};
  if (!kept[2]) {  // let go of by everyone, so perhaps never stored
    kept[2] = graph::apply_multi(call.op, call.node()->inputs(), call.num_inputs(), call.attrs(), 2)[1];
  }
  for (int k = 0; k < 3; ++k) operands[k] = kept[k].get();
  for (int i = 0; i < call.num_inputs(); ++i) operands[3 + i] = call.node()->inputs()[i];
  std::vector<Var> found = graph::apply_multi(op, operands, 3 + call.num_inputs(), call.attrs(), 2);
  for (int i = 0; i < 3; ++i) {
    if (call.needs(i)) call.set(i, found[static_cast<std::size_t>(i)]);
  }
}

OpDef attention_op(const char* name) {
  return OpDef(name)
      .category(OpCategory::kCustom)
      .inputs({"operands"}, true)
      .attr("scale", AttrKind::kFloat)
      .attr("causal", AttrKind::kBool)
      .promote_inputs(0)
      .only(graph::kFloats);
}

}  // namespace

void register_attention(graph::Registry& ops) {
  ops.add(attention_op("attention")
              .check(check_attention)
              .outputs(attention_outputs)
              .vjp(attention_vjp)
              .saves(0b1111, true)
              .fallback(attention_composite)
              .cost(attention_cost<2>)
              .cpu(attention_kernel, 0b1111));
  ops.add(attention_op("attention_grad")
              .check(check_attention_grad)
              .outputs(attention_grad_outputs)
              .no_grad(kOnlyFirstOrder)
              .fallback(attention_grad_composite)
              .cost(attention_cost<5>)
              .cpu(attention_grad_kernel, 0b1111000));
}

}  // namespace pyflame::ops
