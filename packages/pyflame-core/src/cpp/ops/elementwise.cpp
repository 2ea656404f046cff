// Records of the elementwise tables, `where` and `cast`.
#include <cctype>
#include <cstring>

#include "ops/functions.h"
#include "ops/register.h"
#include "ops/rules.h"

namespace pyflame::ops {

using graph::AttrKind;
using graph::Call;
using graph::OpDef;
using graph::VjpCall;

namespace {

// ---- vocabulary of the gradient column
Var no_grad() { return Var(); }

// 1 where a wins, 1/2 where they tie, 0 where b wins.
Var tie_share(const Var& a, const Var& b) {
  DType dtype = a->dtype;
  return where(gt(a, b), full({}, 1.0, dtype), where(eq(a, b), full({}, 0.5, dtype), full({}, 0.0, dtype)));
}

Var sign_of(const Var& b) { return where(signbit(b), full({}, -1.0, b->dtype), full({}, 1.0, b->dtype)); }

// Of a point whose angle is asked for; 1 at the origin, where no direction changes the angle.
Var squared_radius(const Var& a, const Var& b) {
  Var squared = a * a + b * b;
  return where(equal(squared, 0.0), 1.0, squared);
}

// Where a is 0 and the logarithm is not finite, xlogy is constant in a.
Var xlogy_reach(const Var& g, const Var& a, const Var& b) {
  return where(logical_and(equal(a, 0.0), b <= 0.0), 0.0, g);
}

[[noreturn]] Var no_derivative(const VjpCall& call) {
  runtime_error("[" + std::string(call.op.name) + "] the derivative for " + call.op.input_names[0] + " is not known: detach it");
}

Var pow_grad_base(const Var& a, const Var& b) { return where(equal(b, 0.0), 0.0, b * pow(a, b - 1.0)); }

Var pow_grad_exponent(const Var& a, const Var& b, const Var& y) {
  return where(logical_and(equal(a, 0.0), ge(b, full({}, 0.0, b->dtype))), 0.0, y * log(a));
}

// ---- the gradient column as functions
#define UNARY(name, domain, kernel, gradient)      \
  [[maybe_unused]] void name##_vjp(VjpCall& call) { \
    [[maybe_unused]] Var g = call.grad(), x = call.in(0), y = call.out(); \
    call.set(0, gradient);                         \
  }
#define BINARY(name, domain, kernel, gradient_a, gradient_b)                                            \
  [[maybe_unused]] void name##_vjp(VjpCall& call) {                                                     \
    [[maybe_unused]] Var g = call.grad(), a = call.in(0), b = call.in(1), y = call.out();               \
    if (call.needs(0)) call.set(0, unbroadcast(gradient_a, a.get()));                                   \
    if (call.needs(1)) call.set(1, unbroadcast(gradient_b, b.get()));                                   \
  }
#define COMPARE(name, kernel)
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE

struct Domain {
  u16 dtypes;
  bool to_float, logic, refuses_bool = false;
};
constexpr Domain kFloat{graph::kFloats, true, false}, kNumber{graph::kFloats | graph::kIntegers, false, false},
    kSigned{graph::kFloats | graph::kIntegers, false, false, true},
    kAny{graph::kFloats | graph::kIntegers | graph::kBoolOnly, false, false},
    kBits{graph::kIntegers | graph::kBoolOnly, false, false},
    kLogic{graph::kFloats | graph::kIntegers | graph::kBoolOnly, false, true};

// Whether a gradient expression reads the variable `name`.
bool mentions(const char* expression, char name) {
  auto word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (const char* p = expression; *p; ++p) {
    if (*p == name && !word(p[1]) && (p == expression || !word(p[-1]))) return true;
  }
  return false;
}

OpDef elementwise(const char* name, Domain domain, TileOp tile) {
  OpDef op(name);
  op.only(domain.dtypes).tile(tile).cost(streaming_cost<1>);
  op.refuses_bool = domain.refuses_bool;
  if (domain.to_float) op.to_float();
  if (domain.logic) op.dtype(bool_result);
  return op;
}

void finish_gradient(OpDef& op, graph::VjpRule vjp, std::initializer_list<const char*> gradients, const char* inputs) {
  for (const char* gradient : gradients) {
    op.formulas.push_back(gradient);
    u32 reads = 0;
    for (int i = 0; inputs[i]; ++i) reads |= mentions(gradient, inputs[i]) ? 1u << i : 0;
    op.saved_inputs |= reads;
    op.saves_output |= mentions(gradient, 'y');
    // PyTorch computes the other gradients with a `y` from the inputs, so changing their result is no error there.
    bool unary = !inputs[1], kept = unary || std::strcmp(op.name, "pow") == 0 || std::strcmp(op.name, "hypot") == 0;
    op.reads.push_back(reads | (kept && mentions(gradient, 'y') ? graph::kReadsOutput : 0));
  }
  if (std::strcmp(*gradients.begin(), "no_grad()") == 0) {
    op.no_grad("the result is not a floating-point number");
  } else {
    op.vjp(vjp);
  }
}

void gelu_composite(const Call& call, Var* outputs) {
  Var x(call.in[0]);
  outputs[0] = x * 0.5 * (erf(x * 0.7071067811865476) + 1.0);
}

void add_tables(graph::Registry& ops) {
#define UNARY(name, domain, kernel, gradient)                            \
  {                                                                      \
    OpDef op = elementwise(#name, domain, TileOp::name);            \
    op.inputs({"x"}).formulas = {#kernel};                               \
    finish_gradient(op, name##_vjp, {#gradient}, "x");                   \
    if (TileOp::name == TileOp::gelu) op.fallback(gelu_composite);       \
    ops.add(op);                                                         \
  }
#define BINARY(name, domain, kernel, gradient_a, gradient_b)             \
  {                                                                      \
    OpDef op = elementwise(#name, domain, TileOp::name);            \
    op.inputs({"a", "b"}).formulas = {#kernel};                          \
    finish_gradient(op, name##_vjp, {#gradient_a, #gradient_b}, "ab");   \
    ops.add(op);                                                         \
  }
#define COMPARE(name, kernel)                                            \
  {                                                                      \
    OpDef op = elementwise(#name, kLogic, TileOp::name);            \
    op.inputs({"a", "b"}).formulas = {#kernel};                          \
    op.no_grad("the result is not a floating-point number");             \
    ops.add(op);                                                         \
  }
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE
}

// ---- where
void where_check(const Call& call) {
  if (call.dtype(0) != DType::kBool) {
    runtime_error("[where] condition has dtype " + std::string(dtype_name(call.dtype(0))) +
                  ": expected bool, for example condition != 0");
  }
}
Shape where_shape(const Call& call) {
  return broadcast_shapes("where", call.shape(0), broadcast_shapes("where", call.shape(1), call.shape(2)));
}
void where_vjp(VjpCall& call) {
  Var condition = call.in(0), g = call.grad();
  if (call.needs(1)) call.set(1, unbroadcast(where(condition, g, 0.0), call.in(1).get()));
  if (call.needs(2)) call.set(2, unbroadcast(where(condition, 0.0, g), call.in(2).get()));
}

// ---- cast
DType cast_dtype(const Call& call) { return static_cast<DType>(call.attrs[0]); }
void cast_vjp(VjpCall& call) { call.set(0, cast(call.grad(), call.in(0)->dtype)); }

}  // namespace

void register_elementwise(graph::Registry& ops) {
  add_tables(ops);
  ops.add(OpDef("where")
              .inputs({"condition", "x", "y"})
              .promote_inputs(0b110)
              .check(where_check)
              .dtype([](const Call& call) { return call.dtype(1); })
              .shape(where_shape)
              .vjp(where_vjp)
              .saves(0b001)
              .cost(streaming_cost<1>)
              .tile(TileOp::where));
  ops.add(OpDef("cast")
              .inputs({"x"})
              .attr("dtype", AttrKind::kDType)
              .promote_inputs(0)
              .dtype(cast_dtype)
              .shape(first_shape)
              .vjp(cast_vjp)
              .cost(streaming_cost<1>)
              .tile(TileOp::cast));
}

}  // namespace pyflame::ops
