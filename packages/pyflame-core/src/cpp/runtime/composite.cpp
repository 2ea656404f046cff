#include "runtime/composite.h"

#include "base/error.h"
#include "graph/opdef.h"

namespace pyflame::runtime {

using namespace graph;

namespace {

thread_local u32 t_line = 0;

// Recording as if at another source line, lazily, without gradients and without conversions of mixed precision.
class Quiet {
 public:
  explicit Quiet(u32 line)
      : location_(hooks.location), recorded_(hooks.recorded), grad_(set_grad_enabled(false)), autocast_(set_autocast(-1)) {
    t_line = line;
    hooks.location = [] { return t_line; };
    hooks.recorded = nullptr;
  }
  ~Quiet() {
    hooks.location = location_;
    hooks.recorded = recorded_;
    set_grad_enabled(grad_);
    set_autocast(autocast_);
  }

 private:
  u32 (*location_)();
  void (*recorded_)(Node*);
  bool grad_;
  int autocast_;
};

}  // namespace

std::vector<Var> composite(Node* node) { return composite(node, node->inputs()); }

std::vector<Var> composite(Node* node, Node* const* inputs) {
  const OpDef& op = registry()[node->op];
  if (!op.fallback_rule || node->value) {
    value_error("[composite] " + std::string(op.name) + (node->value ? " is evaluated" : " is made of nothing else"));
  }
  Var outputs[kMaxOutputs];
  Quiet quiet(node->location);
  op.fallback_rule({op, inputs, node->num_inputs, node->attrs()}, outputs);
  std::vector<Var> results;
  for (Var& output : outputs) {
    if (output) results.push_back(std::move(output));
  }
  return results;
}

}  // namespace pyflame::runtime
