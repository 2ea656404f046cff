// Ops that do in one kernel what a composite of others does.
//
// Their gradient has a kernel too, whose own gradient nobody wrote down: where gradients are differentiated again
// (create_graph), the composite takes the op's place.
#pragma once
#include "graph/apply.h"

namespace pyflame::ops {

// Sets the gradients that the composite of call.op has: with create_graph, or `always`. Returns whether it did.
bool composite_gradients(graph::VjpCall& call, bool always = false);

// The composite of an op that computes gradients of `forward`: from the gradients of its outputs, those of the inputs in
// `wanted` (a bit mask), one after the other.
void gradient_composite(const graph::OpDef& forward, graph::Node* const* inputs, int count, const i64* attrs,
                        const std::vector<graph::Var>& gradients, u32 wanted, graph::Var* outputs);

inline constexpr const char* kOnlyFirstOrder =
    "a gradient that is to be differentiated is recorded as a composite, by create_graph=True";

}  // namespace pyflame::ops
