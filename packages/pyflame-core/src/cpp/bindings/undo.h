// The way back from a step of an optimizer whose evaluation fails, as it does when a batch has an index that is out of
// range: what the new parameters were to be computed from is gone for good then.
#pragma once
#include <vector>

#include "bindings/tensor_type.h"

namespace pyflame::bindings {

// Holds the values of parameters and of their state. Their memory may still be taken over by what replaces them, which
// nothing that can fail comes after.
class Undo {
 public:
  // params: tensors; state: a dict of dicts by parameter.
  Undo(pybind11::list params, pybind11::dict state);
  ~Undo();
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;

  // Points parameters and state at what they were before, unless the step has been evaluated.
  void back();

 private:
  struct Entry {
    pybind11::object key, value;
    Var node;  // of a tensor, which stands for the value
  };
  struct Saved {
    pybind11::object param;
    Var node;
    bool has_state;
    std::vector<Entry> state;
  };
  Var hold(Node* node);

  pybind11::dict state_;
  std::vector<Saved> saved_;
  std::vector<Node*> marked_;
};

}  // namespace pyflame::bindings
