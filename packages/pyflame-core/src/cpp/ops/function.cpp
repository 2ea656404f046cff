// Structure for autograd that no kernel computes: gradients written in Python, and recomputation.
//
// A Python function's forward runs unrecorded for gradients. One `function` node (no elements) has the differentiable
// inputs as edges; each result is a `function_output` of the computed value and of that node. In a backward the outputs
// hand their gradients to the function node, as projections do, and its VJP asks Python.
#include "ops/function.h"

#include "graph/apply.h"
#include "ops/register.h"

namespace pyflame::ops {

using graph::AttrKind;
using graph::Call;
using graph::Cost;
using graph::KernelCall;
using graph::OpCategory;
using graph::OpDef;
using graph::VjpCall;

void (*function_vjp)(VjpCall& call) = nullptr;

namespace {

Shape no_elements(const Call&) { return {0}; }
DType float_token(const Call&) { return DType::kFloat32; }
Shape first_shape(const Call& call) { return call.shape(0); }
Cost no_cost(const Call&, const Shape&) { return {}; }
void no_kernel(const KernelCall&) {}
bool same_view(const i64*, const Shape&, const Shape& in_strides, const Shape&, i64*, Shape* out) {
  *out = in_strides;
  return true;
}

void call_python(VjpCall& call) { function_vjp(call); }
void barrier_vjp(VjpCall& call) { call.set(0, call.grad()); }

}  // namespace

graph::Var barrier(const graph::Var& x, const graph::Var& after) {
  static const OpDef& op = graph::registry().at("barrier");
  return graph::apply(op, {x, after});
}

bool is_function(const graph::Node* node) {
  static const graph::OpId id = graph::registry().at("function").id;
  return node->op == id;
}

bool is_function_output(const graph::Node* node) {
  static const graph::OpId id = graph::registry().at("function_output").id;
  return node->op == id;
}

void register_function(graph::Registry& ops) {
  ops.add(OpDef("function").category(OpCategory::kShape).inputs({"inputs"}, true).attr("outputs", AttrKind::kInt)
              .promote_inputs(0).dtype(float_token).shape(no_elements).vjp(call_python).cost(no_cost)
              .cpu(no_kernel, ~0u));
  ops.add(OpDef("function_output").category(OpCategory::kShape).inputs({"value", "function"}).attr("index", AttrKind::kInt)
              .promote_inputs(0).shape(first_shape).view(same_view).cost(no_cost)
              .no_grad("its gradient is handed to the function"));
  ops.add(OpDef("barrier").category(OpCategory::kShape).inputs({"x", "after"}).promote_inputs(0).shape(first_shape)
              .view(same_view).ordering().vjp(barrier_vjp).cost(no_cost));
}

}  // namespace pyflame::ops
