// The Tensor heap type: a handle on a node. Its documented methods are Python functions moved onto it; Parameter derives
// from it.
#pragma once
#include <pybind11/pybind11.h>

#include "graph/apply.h"

namespace pyflame::bindings {

using graph::Node;
using graph::Var;

struct Alias;

struct TensorObject {
  PyObject_HEAD
  Node* node;        // nullptr: the memory was written to through another tensor since; read it with current()
  PyObject* weakrefs;
  PyObject* grad;    // a Tensor or nullptr
  Alias* alias;      // what it shares memory with (bindings/storage.h); nullptr: it is alone
  u32 version;       // writes while alone
  u32 owned;         // nodes whose gradients come here
};

extern PyTypeObject* tensor_type;  // pyflame.Tensor: what every op returns

inline TensorObject* as_tensor(PyObject* object) {
  if (__builtin_expect(Py_TYPE(object) == tensor_type, 1) || PyType_IsSubtype(Py_TYPE(object), tensor_type)) {
    return reinterpret_cast<TensorObject*>(object);
  }
  return nullptr;
}
Node* refresh(TensorObject* tensor);  // derives the node anew from the memory
inline Node* current(TensorObject* tensor) { return __builtin_expect(tensor->node != nullptr, 1) ? tensor->node : refresh(tensor); }
inline Node* node_of(PyObject* object) {
  TensorObject* tensor = as_tensor(object);
  return tensor ? current(tensor) : nullptr;
}
PyObject* wrap(Node* node);                 // takes over one count; nullptr with an exception set when out of memory
inline PyObject* wrap(Var var) { return wrap(var.detach()); }

// Translates the exception in flight into a Python one; returns nullptr.
PyObject* translate_exception();

// Where gradients of a leaf accumulate: the handle that owns the node. A handle owns earlier nodes of the leaf as well,
// while some graph still leads to them.
void own_node(TensorObject* handle, Node* node);
void disown_node(Node* node);
TensorObject* owner_of(const Node* node);   // borrowed; nullptr when the handle is gone
void require_grad(TensorObject* handle, bool required);
// Gives an existing handle another value of the same shape and dtype, seen by whatever shares its memory.
// What backward() was last called on, if it is pending, held by somebody, and was not asked for before; or nullptr.
PyObject* pending_loss();
void remember_loss(PyObject* loss);
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
