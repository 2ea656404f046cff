// Checkpoints: what backward needs of the nodes recorded inside is computed again instead of being kept.
#pragma once
#include <unordered_map>

#include "graph/apply.h"

namespace pyflame::autograd {

class Recompute {
 public:
  // A copy of `node`, a kRecompute node, that starts from what enters the checkpoint and does not begin before `after`,
  // the gradient that asks for it, is there: else it would only be computed twice at the same time. The node itself when
  // it has a value or cannot be copied.
  graph::Node* node(graph::Node* node, const graph::Var& after);

 private:
  graph::Var input(graph::Node* input, const graph::Var& after);
  std::unordered_map<graph::Node*, graph::Var> copies_;  // of one backward, so that shared parts stay shared
};

}  // namespace pyflame::autograd
