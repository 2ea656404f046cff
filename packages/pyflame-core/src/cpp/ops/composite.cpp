#include "ops/composite.h"

#include "ops/functions.h"

namespace pyflame::ops {

using graph::Node;
using graph::OpDef;
using graph::Var;

namespace {

class GradMode {
 public:
  explicit GradMode(bool enabled) : previous_(graph::set_grad_enabled(enabled)) {}
  ~GradMode() { graph::set_grad_enabled(previous_); }

 private:
  bool previous_;
};

// Gradients of the inputs in `wanted`, in order; empty where there is none. Aliases stand for the inputs, so that one which
// is another one too, or depends on one, gets its own share only.
std::vector<Var> gradients_of_composite(const OpDef& op, Node* const* inputs, int count, const i64* attrs, const Var* gradients,
                                        int num_gradients, u32 wanted) {
  static const OpDef& alias = graph::registry().at("alias");
  const bool again = graph::grad_enabled();
  std::vector<Var> kept, wrt, outputs, upstream;
  std::vector<Node*> nodes;
  Var results[graph::kMaxOutputs];
  {
    GradMode recording(true);
    for (int i = 0; i < count; ++i) {
      bool needed = wanted >> i & 1;
      kept.push_back(needed ? graph::apply(alias, {Var(inputs[i])}) : Var(inputs[i]));
      nodes.push_back(kept.back().get());
      if (!needed) continue;
      if (!again) kept.back()->flags |= graph::kRequiresGrad | graph::kGradLeaf;
      wrt.push_back(kept.back());
    }
    op.fallback_rule({op, nodes.data(), count, attrs}, results);
  }
  for (int k = 0; k < num_gradients; ++k) {
    if (!gradients[k] || !results[k] || !results[k]->has(graph::kRequiresGrad)) continue;
    outputs.push_back(results[k]);
    upstream.push_back(gradients[k]);
  }
  return graph::hooks.differentiate(outputs, upstream, wrt);
}

}  // namespace

bool composite_gradients(graph::VjpCall& call, bool always) {
  if (!always && !graph::grad_enabled()) return false;
  u32 wanted = 0;
  for (int i = 0; i < call.num_inputs(); ++i) wanted |= static_cast<u32>(call.needs(i)) << i;
  Var gradients[graph::kMaxOutputs];
  int count = call.node()->has(graph::kMultiOutput) ? graph::kMaxOutputs : 1;
  for (int k = 0; k < count; ++k) gradients[k] = call.grad(k);
  std::vector<Var> found =
      gradients_of_composite(call.op, call.node()->inputs(), call.num_inputs(), call.attrs(), gradients, count, wanted);
  std::size_t next = 0;
  for (int i = 0; i < call.num_inputs(); ++i) {
    if (!call.needs(i)) continue;
    if (found[next]) call.set(i, found[next]);
    ++next;
  }
  return true;
}

void gradient_composite(const OpDef& forward, Node* const* inputs, int count, const i64* attrs, const std::vector<Var>& gradients,
                        u32 wanted, Var* outputs) {
  std::vector<Var> found = gradients_of_composite(forward, inputs, count, attrs, gradients.data(),
                                                  static_cast<int>(gradients.size()), wanted);
  std::size_t next = 0;
  for (int i = 0, k = 0; i < count; ++i) {
    if (!(wanted >> i & 1)) continue;
    const Var& gradient = found[next++];
    outputs[k++] = gradient ? gradient : zeros_like(Var(inputs[i]));
  }
}

}  // namespace pyflame::ops
