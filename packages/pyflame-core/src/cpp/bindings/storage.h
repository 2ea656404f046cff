// Tensors that share memory, as PyTorch's users see it, over values that never change (rfcs/0002-aliasing.md).
//
//   Storage  the memory: a state that moves with each write
//   History  its value as one autograd family sees it: a tensor and its views; detach() begins another
//   Alias    a tensor's window on the History's value
//
// A write makes a new value of the whole memory. The other aliases are then stale: they hold no node until somebody
// asks (current()), so a write costs the same whatever the number of aliases. A tensor that shares nothing has no Alias.
#pragma once
#include "bindings/tensor_type.h"

namespace pyflame::bindings {

struct Storage;
struct Alias;

// Views come and go with every line of a program: their records are kept for reuse.
template <class T>
struct Pooled {
  static void* operator new(std::size_t bytes) {
    if (!spare) return ::operator new(bytes);
    void* block = spare;
    spare = *static_cast<void**>(block);
    --spares;
    return block;
  }
  static void operator delete(void* block) {
    if (spares >= 4096) return ::operator delete(block);
    *static_cast<void**>(block) = spare;
    spare = block;
    ++spares;
  }

 private:
  inline static void* spare = nullptr;
  inline static int spares = 0;
};

struct History : Pooled<History> {
  Storage* storage;
  u32 refs;        // aliases
  u64 state;       // of the storage, that `base` shows
  Var base;        // empty while there is one alias alone: its node is then all there is
  bool tracked;    // false: `.data`, whose changes backward does not check
};

struct Storage : Pooled<Storage> {
  u32 histories = 0;
  u32 version;              // writes, as `_version` shows them
  u64 state = 0;            // writes of any kind
  Var latest;               // the value without history; only while there are several histories
  Alias* fresh = nullptr;   // aliases that hold a node, linked
};

struct Alias : Pooled<Alias> {
  Alias(TensorObject* owner, History* family, const Shape& window, const Shape& steps, i64 start, const Shape& shown)
      : tensor(owner), history(family), shape(window), strides(steps), offset(start), reported(shown) {}
  TensorObject* tensor;
  History* history;
  Alias *next = nullptr, *previous = nullptr;
  Shape shape, strides;     // the window on the base, laid out in order
  i64 offset;
  Shape reported;           // the strides PyTorch would have: others than `strides` once the base's handle is gone
  bool is_root = false;             // the tensor the family began with, not a view
  bool is_leaf = false;             // a view that was made a leaf by requires_grad_()
  bool keeps_grad = false;          // a view with retain_grad()
  bool without_grad = false;        // made under no_grad
};

// Makes `view`, just returned by a view op on `source`, share its memory, unless the strides forced a copy.
void join_view(const graph::OpDef& op, const i64* words, TensorObject* view, TensorObject* source);
// Makes `copy` share the memory of `source` with a history of its own.
void join_detached(TensorObject* copy, TensorObject* source, bool tracked);
// A tensor with the given window on the whole memory of `source`.
PyObject* window_on(TensorObject* source, const Shape& shape, const Shape& strides, i64 offset);

// The tensor takes the value, seen by every alias. Shape and dtype are those of the tensor. replaces: the value was not
// made from the tensor, whose gradient path ends here (in zeros).
void write(TensorObject* tensor, const Var& value, bool replaces);
// Refuses what PyTorch refuses before a write: leaves and their views; memory that repeats.
void check_history(const char* op, TensorObject* tensor, bool value_requires_grad);
void check_memory(const char* op, TensorObject* tensor);

// Another node for the same values (another history): aliases keep theirs.
void replace_node(TensorObject* tensor, const Var& node);
void swap_tensors(TensorObject* a, TensorObject* b);
void leave_storage(TensorObject* tensor);

// Writes to the tensor's memory, as `_version` shows them.
inline u32 writes_of(const TensorObject* tensor) {
  return tensor->alias ? tensor->alias->history->storage->version : tensor->version;
}

inline bool shares_memory(const TensorObject* tensor) { return tensor->alias && tensor->alias->history->base; }

Shape reported_strides(TensorObject* tensor);
i64 reported_offset(TensorObject* tensor);

}  // namespace pyflame::bindings
