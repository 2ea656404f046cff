#include "bindings/recording.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "bindings/storage.h"
#include "graph/line.h"

namespace pyflame::bindings {

using graph::OpDef;
using graph::registry;

namespace {

[[noreturn]] void refuse(const std::string& why) { value_error("[compile] " + why); }

}  // namespace

Recording::Recording(const std::vector<Var>& inputs, const std::vector<Var>& outputs, const std::vector<Var>& made,
          std::vector<int> written, i64 seed, i64 first_draw)
    : num_inputs_(inputs.size()), written_(std::move(written)), seed_(seed), first_draw_(first_draw) {
  for (const Var& input : inputs) {
    specs_.push_back(input);
    numbers_[input.get()] = static_cast<u32>(numbers_.size());
  }
  u32 epoch = graph::next_epoch();
  for (const Var& node : made) node->mark = epoch;
  for (const Var& output : outputs) outputs_.push_back(visit(output.get(), epoch));
  if (steps_.empty()) refuse("records nothing");
  numbers_.clear();
}

bool Recording::reads(u32 i) const {
  for (const Step& step : steps_) {
    if (std::find(step.inputs.begin(), step.inputs.end(), i) != step.inputs.end()) return true;
  }
  return std::find(outputs_.begin(), outputs_.end(), i) != outputs_.end();
}

void Recording::drop_inputs(std::size_t from) {
  num_inputs_ = from;
  specs_.resize(from);
}

Outcome Recording::run(const std::vector<PyObject*>& inputs, i64 seed, i64 first_draw, std::vector<Var>* results) {
  if (inputs.size() != num_inputs_) return Outcome::kOtherKind;
  std::vector<Var> values;
  values.reserve(num_inputs_ + constants_.size() + steps_.size());
  u32 epoch = graph::next_epoch();
  for (std::size_t i = 0; i < num_inputs_; ++i) {
    TensorObject* tensor = as_tensor(inputs[i]);
    if (!tensor) return Outcome::kOtherKind;
    Node* node = current(tensor);
    const Node* spec = specs_[i].get();
    if (node->dtype != spec->dtype || node->layout != spec->layout || ((node->flags ^ spec->flags) & kCompared) ||
        !same_shape(*node, *spec)) {
      return Outcome::kOtherKind;
    }
    bool out_of_order = tensor->alias && !is_contiguous(node->shape(), tensor->alias->reported);
    if (out_of_order || node->mark == epoch || (!written_.empty() && shares_memory(tensor))) return Outcome::kNotHere;
    node->mark = epoch;
    values.emplace_back(node);
  }
  values.insert(values.end(), constants_.begin(), constants_.end());
  for (const Step& step : steps_) values.push_back(record(step, values, seed, first_draw));
  const std::size_t num_results = outputs_.size() - written_.size();
  for (std::size_t k = 0; k < outputs_.size(); ++k) {
    const Var& value = values[place(outputs_[k])];
    // Chains that grow from call to call are evaluated as those of single operations are.
    if (!value->value && value->depth >= graph::hooks.recorded_depth && graph::hooks.recorded) graph::hooks.recorded(value.get());
    if (k < num_results) {
      results->push_back(value);
    } else {
      write(as_tensor(inputs[static_cast<std::size_t>(written_[k - num_results])]), value, true);
    }
  }
  return Outcome::kDone;
}

// Inputs, constants and steps are numbered apart while they are found, and lie one after another in a run.
std::size_t Recording::place(u32 number) const {
  if (number & kStep) return num_inputs_ + constants_.size() + (number & ~kStep);
  if (number & kConstant) return num_inputs_ + (number & ~kConstant);
  return number;
}

u32 Recording::visit(Node* root, u32 epoch) {
  std::vector<Node*> stack{root};
  while (!stack.empty()) {
    Node* node = stack.back();
    if (numbers_.count(node)) {
      stack.pop_back();
      continue;
    }
    check(node, epoch);
    std::size_t before = stack.size();
    if (!node->value) {
      for (int i = node->num_inputs; i-- > 0;) {
        if (!numbers_.count(node->inputs()[i])) stack.push_back(node->inputs()[i]);
      }
    }
    if (stack.size() != before) continue;
    stack.pop_back();
    if (node->value) {
      numbers_[node] = kConstant | static_cast<u32>(constants_.size());
      constants_.emplace_back(node);
      continue;
    }
    Step step{Var(node), {}};
    for (int i = 0; i < node->num_inputs; ++i) step.inputs.push_back(numbers_.at(node->inputs()[i]));
    numbers_[node] = kStep | static_cast<u32>(steps_.size());
    steps_.push_back(std::move(step));
  }
  return numbers_.at(root);
}

void Recording::check(const Node* node, u32 epoch) const {
  const OpDef& op = registry()[node->op];
  bool derived = op.view_rule || std::strcmp(op.name, "output") == 0 || std::strcmp(op.name, "as_strided_scatter") == 0;
  if (graph::is_input(node) || (node->mark != epoch && (node->value || !derived))) {
    refuse("reads a tensor that is neither an argument nor seen as state of the function");
  }
  if (node->has(graph::kGradLeaf)) refuse("makes a tensor that requires grad");
  if (node->has(graph::kAttached)) refuse("registers hooks or calls an autograd function");
  if (node->has(graph::kRetainGrad | graph::kRecompute | graph::kInference)) {
    refuse("records for checkpoints or inference mode, or calls retain_grad");
  }
  if (op.is_random && node->attrs()[0] != seed_) refuse("draws from another generator than the default one");
}

Var Recording::record(const Step& step, const std::vector<Var>& values, i64 seed, i64 first_draw) const {
  static const graph::OpId output = registry().at("output").id;
  const Node* source = step.source.get();
  if (source->op == output) return graph::output_of(values[place(step.inputs[0])].get(), static_cast<int>(source->attr[0]));
  Node* few[8];
  std::vector<Node*> many(step.inputs.size() > 8 ? step.inputs.size() : 0);
  Node** inputs = many.empty() ? few : many.data();
  for (std::size_t i = 0; i < step.inputs.size(); ++i) inputs[i] = values[place(step.inputs[i])].get();
  Var made = graph::copy_node(source, inputs);
  made->flags |= source->flags & (graph::kOverwritten | graph::kHistoryFreed);
  if (registry()[source->op].is_random) {  // parameters, which are not part of the structure
    i64* words = const_cast<i64*>(made->attrs());
    words[0] = seed;
    words[1] += first_draw - first_draw_;
  }
  return made;
}

bool any_reads(const std::vector<Var>& nodes, std::size_t first, const std::vector<Var>& others) {
  const u32 epoch = graph::next_epoch();
  for (const Var& other : others) other->mark = epoch;
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    Node* node = nodes[k].get();
    Node* const* inputs = node->inputs();
    if (std::none_of(inputs, inputs + node->num_inputs, [epoch](const Node* input) { return input->mark == epoch; })) continue;
    if (k >= first) return true;
    if (registry()[node->op].view_rule) node->mark = epoch;  // shares its memory
  }
  return false;
}

}  // namespace pyflame::bindings
