// What Python keeps for a node: its gradient hooks, or the backward of a function. It lives as long as the node.
#pragma once
#include "bindings/tensor_type.h"

namespace pyflame::bindings {

void attach(Node* node, pybind11::object object);
pybind11::object attached(const Node* node);  // None when there is nothing
void move_attachment(Node* from, Node* to);   // an in-place update of a leaf keeps its hooks

void register_attachments(pybind11::module_& module);

}  // namespace pyflame::bindings
