#include "autograd/recompute.h"

#include "ops/function.h"

namespace pyflame::autograd {

using namespace graph;

namespace {

bool copied(const Node* node) { return node->has(kRecompute) && !node->value && !ops::is_function(node); }

bool is_projection(const Node* node) {
  static const OpId id = registry().at("output").id;
  return node->op == id;
}

}  // namespace

Var Recompute::input(Node* input, const Var& after) {
  if (copied(input)) return copies_.at(input);
  return ops::is_function(input) ? Var(input) : ops::barrier(Var(input), after);
}

Node* Recompute::node(Node* wanted, const Var& after) {
  if (!copied(wanted)) return wanted;
  std::vector<Node*> stack{wanted};
  std::vector<Var> inputs;
  std::vector<Node*> nodes;
  while (!stack.empty()) {
    Node* node = stack.back();
    std::size_t before = stack.size();
    if (!copies_.count(node)) {
      for (int i = 0; i < node->num_inputs; ++i) {
        Node* input = node->inputs()[i];
        if (copied(input) && !copies_.count(input)) stack.push_back(input);
      }
    }
    if (stack.size() != before) continue;
    stack.pop_back();
    if (copies_.count(node)) continue;
    if (is_projection(node)) {
      copies_[node] = output_of(copies_.at(node->inputs()[0]).get(), static_cast<int>(node->attr[0]));
      continue;
    }
    inputs.clear();
    nodes.clear();
    for (int i = 0; i < node->num_inputs; ++i) inputs.push_back(input(node->inputs()[i], after));
    for (const Var& var : inputs) nodes.push_back(var.get());
    copies_[node] = copy_node(node, nodes.data());
  }
  return copies_.at(wanted).get();
}

}  // namespace pyflame::autograd
