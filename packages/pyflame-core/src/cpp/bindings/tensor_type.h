// The Tensor heap type: a handle on a node. Its documented methods are Python functions moved onto it; Parameter derives
// from it.
#pragma once
#include <pybind11/pybind11.h>

#include "graph/apply.h"

namespace pyflame::bindings {

using graph::Node;
using graph::Var;

struct TensorObject {
  PyObject_HEAD
  Node* node;
  PyObject* weakrefs;
  PyObject* grad;    // a Tensor or nullptr
  // Ring of the handles that share storage, as PyTorch's users see it; nullptr: this one alone.
  TensorObject *next_alias, *previous_alias;
};

extern PyTypeObject* tensor_type;  // pyflame.Tensor: what every op returns

inline TensorObject* as_tensor(PyObject* object) {
  if (__builtin_expect(Py_TYPE(object) == tensor_type, 1) || PyType_IsSubtype(Py_TYPE(object), tensor_type)) {
    return reinterpret_cast<TensorObject*>(object);
  }
  return nullptr;
}
inline Node* node_of(PyObject* object) {
  TensorObject* tensor = as_tensor(object);
  return tensor ? tensor->node : nullptr;
}
PyObject* wrap(Node* node);                 // takes over one count; nullptr with an exception set when out of memory
inline PyObject* wrap(Var var) { return wrap(var.detach()); }

// Translates the exception in flight into a Python one; returns nullptr.
PyObject* translate_exception();

void join_aliases(TensorObject* view, TensorObject* base);

// Where gradients of a leaf accumulate: the handle that owns the node.
void own_node(TensorObject* handle);
void disown_node(TensorObject* handle);
void own_next(TensorObject* handle, Node* next);  // the handle owns its node and will own `next` instead
TensorObject* owner_of(const Node* node);   // borrowed; nullptr when the handle is gone
void require_grad(TensorObject* handle, bool required);
// Points an existing handle at another node. Shape and dtype stay, so whoever holds the handle sees new values only.
void assign(TensorObject* handle, const Var& source);

void register_tensor_type(pybind11::module_& module);

extern PyObject* dtype_objects[kNumDTypes];  // pyflame.DType instances
int dtype_code(PyObject* object);            // -1 and TypeError when it is no pyflame.DType

// Reads a Python or NumPy number; false when `object` is none (no exception set).
bool read_scalar(PyObject* object, graph::Scalar* scalar);
// A tensor for anything op functions accept beside tensors (numbers, arrays): new count, or nullptr with no exception
// set when the object is none of these, or with an exception.
Node* operand_node(PyObject* object);

}  // namespace pyflame::bindings

namespace pybind11::detail {
template <>
struct type_caster<pyflame::graph::Var> {
  PYBIND11_TYPE_CASTER(pyflame::graph::Var, const_name("Tensor"));
  bool load(handle source, bool) {
    pyflame::graph::Node* node = pyflame::bindings::node_of(source.ptr());
    if (!node) return false;
    value = pyflame::graph::Var(node);
    return true;
  }
  static handle cast(const pyflame::graph::Var& var, return_value_policy, handle) {
    return pyflame::bindings::wrap(var);
  }
};
}  // namespace pybind11::detail
