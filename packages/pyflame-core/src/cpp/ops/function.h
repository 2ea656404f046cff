// The gradient of a `function` node is Python's: bindings supply it.
#pragma once
#include "graph/opdef.h"

namespace pyflame::ops {

extern void (*function_vjp)(graph::VjpCall& call);

// The same value, not before `after` is computed; kept apart from `x` by all passes.
graph::Var barrier(const graph::Var& x, const graph::Var& after);
bool is_function(const graph::Node* node);         // its gradients are a user's
bool is_function_output(const graph::Node* node);

}  // namespace pyflame::ops
