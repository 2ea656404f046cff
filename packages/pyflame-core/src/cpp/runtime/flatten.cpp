// From the nodes of a trace to plain data for passes and backends.
#include <unordered_map>

#include "base/error.h"
#include "runtime/composite.h"
#include "runtime/trace.h"

namespace pyflame::runtime {

using namespace graph;

namespace {

// Records that exist to be recorded in one go: what is computed is their composite.
bool stands_for_composite(const OpDef& op) { return op.fallback_rule && !op.kernel && op.tile_op < 0; }

FlatNode flat_node(const Node* node) {
  FlatNode flat{};
  flat.op = &registry()[node->op];
  flat.dtype = node->dtype;
  flat.shape = node->shape();
  flat.location = node->location;
  if (node->value) return flat;
  flat.immediate = node->flags & kImmediate;
  int words = node->has(kLongAttrs) ? static_cast<int>(node->record()->count) : kInlineAttrs;
  if (!flat.immediate) flat.attrs.assign(node->attrs(), node->attrs() + words);
  return flat;
}

u32 add(FlatGraph& graph, FlatNode flat) {
  graph.nodes.push_back(std::move(flat));
  return static_cast<u32>(graph.nodes.size() - 1);
}

// Adds the nodes of the composite of `node`, whose inputs are at `inputs`; the last one computes its result.
void add_composite(FlatGraph& graph, Node* node, const std::vector<u32>& inputs) {
  std::unordered_map<const Node*, u32> places;
  std::vector<Var> operands;  // without values, so that every step is recorded
  std::vector<Node*> nodes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Node* input = node->inputs()[i];
    operands.push_back(make_input(input->dtype, input->shape()));
    nodes.push_back(operands.back().get());
    places[nodes.back()] = inputs[i];
  }
  auto visit = [&](auto&& self, const Node* made) -> u32 {
    auto found = places.find(made);
    if (found != places.end()) return found->second;
    FlatNode flat = flat_node(made);
    if (flat.num_params()) runtime_error("[eval] the composite of " + std::string(registry()[node->op].name) + " has numbers that vary");
    for (int k = 0; k < made->num_inputs; ++k) flat.inputs.push_back(self(self, made->inputs()[k]));
    return places[made] = add(graph, std::move(flat));
  };
  std::vector<Var> results = composite(node, nodes.data());
  visit(visit, results[0].get());
}

}  // namespace

FlatGraph Trace::flatten() const {
  FlatGraph graph;
  graph.nodes.reserve(order.size());
  graph.num_leaves = static_cast<u32>(leaves.size());
  std::vector<u32> places(order.size());
  int param = 0, leaf = 0;
  static const OpId output = registry().at("output").id;
  for (u32 i = 0; i < order.size(); ++i) {
    Node* node = order[i];
    if (node->value) {
      FlatNode flat = flat_node(node);
      flat.leaf = leaf++;
      flat.strides = node->value->strides ? *node->value->strides : contiguous_strides(flat.shape);
      flat.position = i;
      places[i] = add(graph, std::move(flat));
      continue;
    }
    std::vector<u32> inputs;
    for (int k = 0; k < node->num_inputs; ++k) inputs.push_back(places[node->inputs()[k]->slot]);
    if (stands_for_composite(registry()[node->op])) {
      add_composite(graph, node, inputs);
    } else {
      FlatNode flat = flat_node(node);
      flat.inputs = std::move(inputs);
      if (flat.num_params()) flat.param = param;
      param += flat.num_params();
      add(graph, std::move(flat));
    }
    places[i] = static_cast<u32>(graph.nodes.size() - 1);
    FlatNode& flat = graph.nodes.back();
    flat.keep = keep_[i];
    flat.position = i;
    if (node->has(kMultiOutput)) {
      OutputSpec specs[kMaxOutputs];
      int count = flat.op->outputs_rule(Call{*flat.op, node->inputs(), node->num_inputs, node->attrs()}, specs);
      flat.outputs.assign(specs, specs + count);
      flat.projections.assign(static_cast<std::size_t>(count - 1), -1);
    } else if (node->op == output) {
      graph.nodes[flat.inputs[0]].projections[static_cast<std::size_t>(node->attr[0] - 1)] = static_cast<int>(places[i]);
    }
  }
  graph.replaced_by.resize(graph.nodes.size());
  for (u32 i = 0; i < graph.nodes.size(); ++i) graph.replaced_by[i] = i;
  return graph;
}

}  // namespace pyflame::runtime
