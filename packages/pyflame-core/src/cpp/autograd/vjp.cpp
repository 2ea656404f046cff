#include "autograd/vjp.h"

#include <algorithm>

#include "autograd/overwritten.h"
#include "autograd/recompute.h"
#include "base/error.h"
#include "base/lease.h"
#include "graph/line.h"
#include "ops/function.h"
#include "ops/functions.h"

namespace pyflame::graph {

Var VjpCall::in(int i) const {
  Node* const* inputs = node_->inputs();
  if (!node_->has(kImmediate)) return Var(inputs[i]);
  bool immediate_first = node_->has(kImmediateLeft);
  if ((i == 0) != immediate_first) return Var(inputs[0]);
  DType dtype = inputs[0]->dtype;  // the scalar was converted to the operand's dtype when recorded
  double value = static_cast<double>(node_->attr[0]);
  if (is_floating(dtype)) __builtin_memcpy(&value, node_->attr, sizeof value);
  return ops::full({}, value, dtype);
}

Var VjpCall::out(int k) const { return output_of(node_, k); }

}  // namespace pyflame::graph

namespace pyflame::autograd {

using namespace graph;

Callbacks callbacks;

namespace {

class GradMode {
 public:
  explicit GradMode(bool enabled) : previous_(set_grad_enabled(enabled)) {}
  ~GradMode() { set_grad_enabled(previous_); }

 private:
  bool previous_;
};

bool has_history(const Node* node) { return node->has(kRequiresGrad) && !node->has(kGradLeaf); }

[[noreturn]] void history_freed() {
  runtime_error(
      "[backward] the history of this tensor was freed by an earlier backward: pass retain_graph=True to the first call");
}

// Post-order over the recorded history, inputs first. Iterative: histories may be 10^5 nodes deep.
void history_order(const std::vector<Var>& outputs, const std::vector<Var>& ends, std::vector<Node*>& order, std::vector<Node*>& stack) {
  stack.clear();
  u32 epoch = next_epoch();
  for (const Var& end : ends) {
    end->mark = epoch;
    end->slot = static_cast<u32>(order.size());
    order.push_back(end.get());
  }
  for (const Var& output : outputs) {
    if (output->mark == epoch) continue;
    stack.push_back(output.get());
    while (!stack.empty()) {
      Node* node = stack.back();
      if (node->mark == epoch) {
        stack.pop_back();
        continue;
      }
      std::size_t before = stack.size();
      if (has_history(node)) {
        if (node->has(kHistoryFreed)) history_freed();
        Node* const* inputs = node->inputs();
        for (int i = node->num_inputs; i-- > 0;) {
          if (inputs[i]->has(kRequiresGrad) && inputs[i]->mark != epoch) stack.push_back(inputs[i]);
        }
      }
      if (stack.size() != before) continue;
      node->mark = epoch;
      node->slot = static_cast<u32>(order.size());
      order.push_back(node);
      stack.pop_back();
    }
  }
}

// One backward pass. Positions and edges are copied out of the nodes at the start, because recording a VJP may evaluate
// (eager mode) or let another thread run, and both reuse the nodes' traversal fields.
class Walk {
 public:
  // `stops`: the history below `wrt` is not looked at.
  void prepare(const std::vector<Var>& outputs, const std::vector<Var>& wrt, bool stops) {
    history_order(outputs, stops ? wrt : std::vector<Var>(), order_, stack_);
    ends_ = stops ? wrt.size() : 0;
    std::size_t n = order_.size();
    u32 epoch = n ? order_[0]->mark : 0;
    auto position = [&](const Node* node) {
      return node->mark == epoch && node->has(kRequiresGrad) ? static_cast<int>(node->slot) : -1;
    };
    for (const Var& output : outputs) starts_.push_back(position(output.get()));
    adjoint_.resize(n);
    kept_.reserve(n);
    first_edge_.reserve(n);
    edges_.reserve(2 * n);
    needed_.assign(n, wrt.empty());
    reported_.assign(n, 0);
    for (const Var& var : wrt) {
      if (position(var.get()) >= 0) needed_[var->slot] = reported_[var->slot] = 1;
    }
    for (std::size_t s = 0; s < n; ++s) {
      Node* node = order_[s];
      kept_.emplace_back(node);  // recording VJPs must not free what is still to be walked
      first_edge_.push_back(edges_.size());
      if (wrt.empty()) reported_[s] = node->has(kGradLeaf | kRetainGrad);
      if (!walks(s)) continue;
      for (int i = 0; i < node->num_inputs; ++i) {
        int edge = position(node->inputs()[i]);
        edges_.push_back(edge);
        if (edge >= 0) needed_[s] |= needed_[static_cast<std::size_t>(edge)];
      }
    }
  }

  // Lets go of everything but memory.
  void clear() {
    recompute_ = Recompute();
    order_.clear(), kept_.clear(), adjoint_.clear(), results_.clear(), starts_.clear(), edges_.clear(), first_edge_.clear();
    extra_.clear();
  }

  void start(std::size_t output, const Var& gradient) { add(starts_[output], gradient); }

  void run() {
    line_ = current_line();
    for (std::size_t s = order_.size(); s-- > 0;) {
      Node* node = order_[s];
      if (!needed_[s]) continue;
      if (__builtin_expect(node->has(kAttached), 0) && adjoint_[s]) adjoint_[s] = callbacks.gradient(node, adjoint_[s]);
      if (!walks(s)) continue;
      if (is_projection(node)) {
        if (adjoint_[s]) hand_over(edges_[first_edge_[s] + node->num_inputs - 1], node->attr[0], adjoint_[s]);
      } else {
        apply_vjp(node, s);
      }
      if (!reported_[s]) adjoint_[s] = Var();
    }
  }

  std::vector<LeafGradient> results() const {
    std::vector<LeafGradient> found;
    found.reserve(order_.size());
    for (std::size_t s = 0; s < order_.size(); ++s) {
      if (reported_[s] && adjoint_[s]) found.push_back({kept_[s], adjoint_[s]});
    }
    return found;
  }

  void free_history() {
    for (Node* node : order_) {
      if (!has_history(node)) continue;
      free_history_of(node);
      if (!node->has(kMultiOutput)) continue;
      for (Node* projection : node->record()->projections) {  // outputs without a gradient are not in the order
        if (projection && has_history(projection)) free_history_of(projection);
      }
    }
  }

 private:
  static void free_history_of(Node* node) {
    node->flags |= kHistoryFreed;
    if (node->has(kAttached)) attachment_freed(node);  // none of it can run again
    if (node->value) drop_inputs(node);
  }
  bool walks(std::size_t s) const { return s >= ends_ && has_history(order_[s]); }

  static void add_to(Var& slot, const Var& gradient) { slot = slot ? ops::add(slot, gradient) : gradient; }
  void add(int position, const Var& gradient) { add_to(adjoint_[static_cast<std::size_t>(position)], gradient); }

  // The last input of a projection is the node it projects.
  static bool is_projection(const Node* node) {
    static const OpId id = registry().at("output").id;
    return node->op == id || ops::is_function_output(node);
  }

  std::vector<Var>& extra(int slot, std::size_t outputs) {
    for (auto& entry : extra_) {
      if (entry.first == slot) return entry.second;
    }
    extra_.push_back({slot, std::vector<Var>(outputs)});
    return extra_.back().second;
  }

  void hand_over(int position, i64 output, const Var& gradient) {
    if (position < 0) return;
    const Node* node = order_[static_cast<std::size_t>(position)];
    add_to(extra(position, num_outputs(node))[static_cast<std::size_t>(output)], gradient);
  }

  static std::size_t num_outputs(const Node* node) {
    return node->has(kMultiOutput) ? kMaxOutputs : static_cast<std::size_t>(node->attrs()[0]);
  }

  void apply_vjp(Node* node, std::size_t s) {
    const OpDef& op = registry()[node->op];
    Var* grads = &adjoint_[s];
    if (node->has(kMultiOutput) || ops::is_function(node)) {
      std::vector<Var>& all = extra(static_cast<int>(s), num_outputs(node));
      if (adjoint_[s]) all[0] = adjoint_[s];
      if (std::none_of(all.begin(), all.end(), [](const Var& grad) { return static_cast<bool>(grad); })) return;
      grads = all.data();
    } else if (!grads[0]) {
      return;
    }
    if (!op.vjp_rule) {
      not_implemented("[backward] op " + std::string(op.name) + " has no gradient: " + op.no_grad_reason +
                      "; detach its input or keep it off the path to the loss");
    }
    // An immediate operand has a place among the VJP's inputs but no edge.
    int first = node->has(kImmediateLeft) ? 1 : 0, slots = node->has(kImmediate) ? 2 : node->num_inputs;
    results_.assign(static_cast<std::size_t>(slots), Var());
    needs_.assign(static_cast<std::size_t>(slots), 0);
    const int* edges = edges_.data() + first_edge_[s];
    for (int i = 0; i < node->num_inputs; ++i) needs_[i + first] = edges[i] >= 0 && needed_[edges[i]];
    refuse_overwritten(op, node, needs_.data());
    Node* seen = node->has(kRecompute) ? recompute_.node(node, some(grads)) : node;
    VjpCall call(op, seen, grads, results_.data(), needs_.data());
    {
      RecordingLine line(op.calls_python || ops::is_function(node) ? 0 : line_);
      op.vjp_rule(call);
    }
    for (int i = 0; i < node->num_inputs; ++i) {
      if (!needs_[i + first] || !results_[i + first]) continue;
      if (__builtin_expect(callbacks.inspect != nullptr, 0)) callbacks.inspect(node, i, results_[i + first]);
      add(edges[i], results_[i + first]);
    }
  }

  static const Var& some(const Var* grads) {  // at least one is there
    while (!*grads) ++grads;
    return *grads;
  }

  Recompute recompute_;
  std::vector<Node*> order_, stack_;
  u32 line_ = 0;  // that asked for gradients
  std::size_t ends_ = 0;  // that many nodes come first and are not walked below
  std::vector<Var> kept_, adjoint_, results_;
  std::vector<u8> needed_, reported_, needs_;
  std::vector<int> starts_, edges_;        // positions of inputs; -1: no gradient flows there
  std::vector<std::size_t> first_edge_;
  std::vector<std::pair<int, std::vector<Var>>> extra_;
};

}  // namespace

std::vector<LeafGradient> backward(const std::vector<Var>& outputs, const std::vector<Var>& gradients,
                                   const std::vector<Var>& wrt, BackwardOptions options) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i]->has(kRequiresGrad)) {
      runtime_error("[backward] tensor " + std::to_string(i) +
                    " does not require grad and has no history: set requires_grad on what it is computed from");
    }
    if (outputs[i]->shape() != gradients[i]->shape()) {
      runtime_error("[backward] tensor " + std::to_string(i) + " has shape " + to_string(outputs[i]->shape()) +
                    ", its gradient has shape " + to_string(gradients[i]->shape()) + ": they must be equal");
    }
  }
  Lease<Walk> walk;
  struct Clearing {
    Walk& walk;
    ~Clearing() { walk.clear(); }
  } clearing{*walk};
  walk->prepare(outputs, wrt, options.stop_at_wrt);
  {
    GradMode mode(options.create_graph);
    for (std::size_t i = 0; i < outputs.size(); ++i) walk->start(i, ops::cast(gradients[i], outputs[i]->dtype));
    walk->run();
  }
  std::vector<LeafGradient> found = walk->results();
  if (!options.retain_graph) walk->free_history();
  return found;
}

namespace {

std::vector<Var> differentiate(const std::vector<Var>& outputs, const std::vector<Var>& gradients,
                               const std::vector<Var>& wrt) {
  std::vector<Var> results(wrt.size());
  if (outputs.empty()) return results;
  BackwardOptions options;
  options.create_graph = grad_enabled();
  options.retain_graph = options.stop_at_wrt = true;
  for (const LeafGradient& found : backward(outputs, gradients, wrt, options)) {
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      if (wrt[i].get() == found.leaf.get()) results[i] = found.gradient;
    }
  }
  return results;
}

}  // namespace

void plug_in() { hooks.differentiate = differentiate; }

}  // namespace pyflame::autograd
