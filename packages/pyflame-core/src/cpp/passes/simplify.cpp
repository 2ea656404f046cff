// Assumes: inputs precede users. Only structure is looked at; the values of runtime parameters are not known here.
#include <string>

#include "passes/passes.h"

namespace pyflame::passes {

using graph::FlatNode;

namespace {

bool is(const FlatNode& node, const char* name) { return !node.is_leaf() && std::string(node.op->name) == name; }

bool identity_permutation(const FlatNode& node) {
  for (i64 i = 0; i < node.attrs[0]; ++i) {
    if (node.attrs[static_cast<std::size_t>(i) + 1] != i) return false;
  }
  return true;
}

// Rewrites node to read its input's input; the words are replaced by `attrs`.
void skip_input(FlatGraph& graph, FlatNode& node, std::vector<i64> attrs) {
  node.inputs[0] = graph.resolve(graph.nodes[node.inputs[0]].inputs[0]);
  node.attrs = std::move(attrs);
}

std::vector<i64> composed_permutation(const FlatNode& outer, const FlatNode& inner) {
  std::vector<i64> words = outer.attrs;
  for (i64 i = 1; i <= words[0]; ++i) words[static_cast<std::size_t>(i)] = inner.attrs[static_cast<std::size_t>(outer.attrs[static_cast<std::size_t>(i)]) + 1];
  return words;
}

// The node that computes the same as `node`, or `self`.
u32 simplified(FlatGraph& graph, FlatNode& node, u32 self) {
  FlatNode& input = graph.nodes[node.inputs[0]];
  if (is(node, "function_output") || is(node, "alias") || is(node, "to_layout") || is(node, "positive")) return node.inputs[0];
  if (is(node, "reshape")) {
    if (is(input, "reshape")) skip_input(graph, node, node.attrs);
    return graph.nodes[node.inputs[0]].shape == node.shape ? node.inputs[0] : self;
  }
  if (is(node, "expand") || is(node, "embed") || is(node, "slice")) return input.shape == node.shape ? node.inputs[0] : self;
  if (is(node, "permute")) {
    if (is(input, "permute")) skip_input(graph, node, composed_permutation(node, input));
    return identity_permutation(node) ? node.inputs[0] : self;
  }
  if (is(node, "cast")) return input.dtype == node.dtype ? node.inputs[0] : self;
  if (is(node, "neg") && is(input, "neg")) return graph.resolve(input.inputs[0]);
  return self;
}

}  // namespace

void simplify(FlatGraph& graph) {
  for (u32 i = 0; i < graph.nodes.size(); ++i) {
    FlatNode& node = graph.nodes[i];
    for (u32& input : node.inputs) input = graph.resolve(input);
    if (is(node, "call") || is(node, "call_vjp")) graph.replaced_by[i] = node.inputs[0];
    bool one_input = node.inputs.size() == 1 || is(node, "function_output");
    if (node.is_leaf() || !one_input || node.immediate) continue;
    graph.replaced_by[i] = simplified(graph, node, i);
  }
}

}  // namespace pyflame::passes
