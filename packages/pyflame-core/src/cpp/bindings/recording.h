// What a function records on tensors without values, as a pattern to be recorded again on others.
#pragma once
#include <pybind11/pybind11.h>

#include <unordered_map>

#include "bindings/tensor_type.h"
#include "graph/apply.h"

namespace pyflame::bindings {

// Flags of a tensor that make a difference to what is recorded.
constexpr u16 kCompared = graph::kRequiresGrad | graph::kInference;

enum class Outcome {
  kDone,
  kOtherKind,  // the inputs are not of the kind that was recorded
  kNotHere,    // they lie in memory in a way that the function might tell, or that a write would show in
};

// Nodes in the order of recording: edges are numbers of earlier values, of which the first are the inputs.
class Recording {
 public:
  // `inputs` are tensors without values that the function was called on; `made` is everything it recorded.
  // written[k]: the input that output num_results + k is the new value of.
  Recording(const std::vector<Var>& inputs, const std::vector<Var>& outputs, const std::vector<Var>& made,
            std::vector<int> written, i64 seed, i64 first_draw);

  bool reads(u32 i) const;             // whether input i matters
  void drop_inputs(std::size_t from);  // leaves out inputs from this number on, none of which matters
  std::size_t size() const { return steps_.size(); }

  // The results for other inputs, which are tensors; new values are written. Appends nothing unless done.
  Outcome run(const std::vector<PyObject*>& inputs, i64 seed, i64 first_draw, std::vector<Var>* results);

 private:
  struct Step {
    Var source;
    std::vector<u32> inputs;
  };

  static constexpr u32 kConstant = 1u << 30, kStep = 1u << 31;

  std::size_t place(u32 number) const;
  u32 visit(Node* root, u32 epoch);
  void check(const Node* node, u32 epoch) const;
  Var record(const Step& step, const std::vector<Var>& values, i64 seed, i64 first_draw) const;

  std::size_t num_inputs_;
  std::vector<Var> specs_, constants_;
  std::vector<Step> steps_;
  std::vector<u32> outputs_;
  std::vector<int> written_;
  i64 seed_, first_draw_;
  std::unordered_map<const Node*, u32> numbers_;
};

// Whether a node from number `first` on reads one of the others, or a view of one; nodes are in the order of recording.
bool any_reads(const std::vector<Var>& nodes, std::size_t first, const std::vector<Var>& others);

}  // namespace pyflame::bindings
