// Gradients as graph construction: walks from outputs to leaves and records each op's VJP. Nothing is computed.
#pragma once
#include <vector>

#include "graph/apply.h"

namespace pyflame::autograd {

using graph::Node;
using graph::Var;

struct LeafGradient {
  Var leaf;      // a kGradLeaf, a kRetainGrad intermediate, or one of `wrt`
  Var gradient;  // never empty
};

struct BackwardOptions {
  bool retain_graph = false;
  bool create_graph = false;
  bool stop_at_wrt = false;  // gradients of `wrt` as if they were leaves
};

// What bindings supply. All of it may run Python.
struct Callbacks {
  Var (*gradient)(Node*, const Var&) = nullptr;            // tensor hooks: returns what replaces the gradient
  void (*inspect)(Node*, int, const Var&) = nullptr;       // every gradient as it is recorded; empty unless wanted
};
extern Callbacks callbacks;

// `gradients[i]` is the upstream gradient of `outputs[i]`. With `wrt` empty, every leaf that requires grad is reported;
// otherwise only those nodes, and only paths to them are walked. Throws RuntimeError when an output does not require
// grad, when the history was freed by an earlier backward, or when an op on the way has no VJP.
std::vector<LeafGradient> backward(const std::vector<Var>& outputs, const std::vector<Var>& gradients,
                                   const std::vector<Var>& wrt, BackwardOptions options);

void plug_in();  // fills graph::hooks.differentiate

}  // namespace pyflame::autograd
