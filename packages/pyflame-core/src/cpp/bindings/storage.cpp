#include "bindings/storage.h"

#include "base/error.h"
#include "bindings/attachments.h"
#include "ops/functions.h"

namespace pyflame::bindings {

namespace {

// Deriving a value happens wherever a tensor is read: it evaluates nothing, runs no Python and records gradients, for
// whether they are wanted was decided when the view was made.
class Quietly {
 public:
  Quietly() : recorded_(graph::hooks.recorded), layout_(graph::hooks.layout), grad_(graph::set_grad_enabled(true)) {
    graph::hooks.recorded = nullptr;
    graph::hooks.layout = nullptr;
  }
  ~Quietly() {
    graph::hooks.recorded = recorded_;
    graph::hooks.layout = layout_;
    graph::set_grad_enabled(grad_);
  }

 private:
  decltype(graph::hooks.recorded) recorded_;
  decltype(graph::hooks.layout) layout_;
  bool grad_;
};

void link(Alias* alias) {
  Alias*& head = alias->history->storage->fresh;
  alias->previous = nullptr;
  alias->next = head;
  if (head) head->previous = alias;
  head = alias;
}
void unlink(Alias* alias) {
  (alias->previous ? alias->previous->next : alias->history->storage->fresh) = alias->next;
  if (alias->next) alias->next->previous = alias->previous;
}

Alias* add_alias(TensorObject* tensor, History* history, const Shape& shape, const Shape& strides, i64 offset, const Shape& reported) {
  auto* alias = new Alias(tensor, history, shape, strides, offset, reported);
  ++history->refs;
  tensor->alias = alias;
  link(alias);
  return alias;
}
History* add_history(Storage* storage, const Var& base, bool tracked) {
  ++storage->histories;
  return new History{{}, storage, 0, storage->state, base, tracked};
}

// The alias of a tensor that is about to share: as base of a new storage if it shared nothing so far.
Alias* alias_of(TensorObject* tensor) {
  Node* node = current(tensor);
  Alias* alias = tensor->alias;
  if (alias && alias->history->base) return alias;
  if (alias) {  // alone so far: what it holds becomes the base
    alias->history->base = Var(node);
    alias->history->state = alias->history->storage->state;
    if (alias->is_root) return alias;
    alias->strides = contiguous_strides(alias->shape);
    alias->offset = 0;
    alias->is_root = true;
    return alias;
  }
  Shape shape = node->shape(), strides = contiguous_strides(shape);
  auto* storage = new Storage;
  storage->version = tensor->version;
  alias = add_alias(tensor, add_history(storage, Var(node), true), shape, strides, 0, strides);
  alias->is_root = true;
  return alias;
}

void drop(Alias* alias) {
  History* history = alias->history;
  Storage* storage = history->storage;
  delete alias;
  if (--history->refs) return;
  delete history;
  if (--storage->histories == 0) delete storage;
}

// The last alias needs no base any more, and no record of sharing unless its strides tell of it. The tensor that the
// family began with keeps its record: who makes one view of a tensor makes another.
void settle(Storage* storage) {
  Alias* last = storage->fresh;
  if (storage->histories != 1 || !last || last->history->refs != 1) return;
  // A view of a leaf stays one, and elements that share a place must go on sharing it.
  const Node* base = last->history->base.get();
  if (!last->is_root && base && (base->has(graph::kGradLeaf) || ops::window_overlaps(last->shape, last->strides))) return;
  last->history->base = Var();
  storage->latest = Var();
  if (last->is_root || !is_contiguous(last->shape, last->reported) || !last->history->tracked || last->is_leaf) return;
  TensorObject* tensor = last->tensor;
  tensor->version = storage->version;
  tensor->alias = nullptr;
  drop(last);
}

Var detached(const Var& value) {
  bool previous = graph::set_grad_enabled(false);
  Var result = graph::apply(graph::registry().at("alias"), {value});
  graph::set_grad_enabled(previous);
  return result;
}

void make_leaf(Node* node, TensorObject* owner) {
  node->flags |= graph::kRequiresGrad | graph::kGradLeaf;
  if (owner) own_node(owner, node);
}

// The node to go on with when `value` takes the place of `old`: a leaf stays a leaf, and a change that is not recorded
// leaves the gradient path as it was.
Var succeed(Node* old, const Var& value) {
  if (old->has(graph::kGradLeaf)) {
    // The leaf must be a node of its own. What an update op returns has no other use.
    bool own = graph::registry()[value->op].kind == graph::OpCategory::kUpdate && !value->has(graph::kRequiresGrad);
    Var next = own ? value : detached(value);
    make_leaf(next.get(), owner_of(old));
    return next;
  }
  Var next = value;
  if (old->has(graph::kRequiresGrad) && !graph::grad_enabled()) {
    static const graph::OpId id = graph::registry().at("with_history").id;
    Quietly quietly;
    next = ops::with_history(value, Var(old->op == id && old->num_inputs ? old->in[1] : old));
  }
  if (old->has(graph::kRetainGrad)) {
    TensorObject* owner = owner_of(old);
    old->flags &= static_cast<u16>(~graph::kRetainGrad);
    if (owner && next->has(graph::kRequiresGrad)) {
      next->flags |= graph::kRetainGrad;
      own_node(owner, next.get());
    }
  }
  return next;
}

// Hooks stay with a leaf, and with the tensor they were registered on.
void move_hooks(Node* old, Node* next, TensorObject* tensor) {
  if (__builtin_expect(!old->has(graph::kAttached), 1)) return;
  pybind11::object hooks = attached(old);
  if (next->has(graph::kGradLeaf)) {
    move_attachment(old, next);
    hooks.attr("changed")();
  } else if (tensor) {
    hooks.attr("reassigned")(pybind11::handle(reinterpret_cast<PyObject*>(tensor)));
  }
}

// Brings a history to the state of the storage after a write through another one.
void synchronise(History* history) {
  Storage* storage = history->storage;
  if (history->state == storage->state) return;
  bool previous = graph::set_grad_enabled(false);
  history->base = succeed(history->base.get(), storage->latest);
  graph::set_grad_enabled(previous);
  history->state = storage->state;
}

bool is_whole(const Alias* alias) {
  return alias->offset == 0 && alias->shape == alias->history->base->shape() && is_contiguous(alias->shape, alias->strides);
}

// Takes the nodes of all aliases away: they are read again from the base.
void make_stale(Storage* storage, bool tracked) {
  while (Alias* alias = storage->fresh) {
    unlink(alias);
    Node* node = alias->tensor->node;
    if (tracked) node->flags |= graph::kOverwritten;
    if (!alias->is_root) {
      alias->is_leaf = node->has(graph::kGradLeaf);
      alias->keeps_grad = node->has(graph::kRetainGrad);
    }
    alias->tensor->node = nullptr;
    graph::release(node);
  }
}

bool repeats(const Alias* alias) {
  bool found = false;
  for (int d = 0; d < alias->shape.ndim; ++d) {
    if (alias->shape[d] == 0) return false;
    found |= alias->reported[d] == 0 && alias->shape[d] > 1;
  }
  return found;
}

}  // namespace

Node* refresh(TensorObject* tensor) {
  Quietly quietly;
  Alias* alias = tensor->alias;
  History* history = alias->history;
  synchronise(history);
  Var node = history->base;
  if (!alias->is_root) {
    if (!is_whole(alias)) node = ops::as_strided(node, alias->shape, alias->strides, alias->offset);
    else if (node->has(graph::kRequiresGrad)) node = graph::apply(graph::registry().at("alias"), {node});
  }
  if (alias->is_leaf) {
    node = detached(node);
    make_leaf(node.get(), tensor);
  } else if (alias->keeps_grad && node->has(graph::kRequiresGrad)) {
    node->flags |= graph::kRetainGrad;
    own_node(tensor, node.get());
  }
  tensor->node = node.detach();
  link(alias);
  settle(history->storage);
  return tensor->node;
}

void join_view(const graph::OpDef& op, const i64* words, TensorObject* view, TensorObject* source) {
  if (view == source || view->alias) return;
  if (op.keeps_order && (!source->alias || (source->alias->is_root && !source->alias->history->base))) {
    Alias* from = alias_of(source);
    Shape out = view->node->shape(), strides = contiguous_strides(out);
    Alias* alias = add_alias(view, from->history, out, strides, 0, strides);
    alias->without_grad = from->without_grad || !graph::grad_enabled();
    return;
  }
  Shape in = source->node->shape(), out = view->node->shape(), reported, strides;
  const Alias* known = source->alias;
  Shape in_strides = known ? known->reported : contiguous_strides(in);
  i64 step = 0;
  bool empty = out.numel() == 0;  // has no memory, but is a view, and begins somewhere, in every other way
  if (!op.view_rule(words, in, in_strides, out, &step, &reported) && !empty) return;  // a copy
  Alias* from = alias_of(source);
  i64 offset = from->offset;
  if (empty) {
    reported = contiguous_strides(out);
    if (!op.view_rule(words, in, from->strides, out, &offset, &strides)) offset = from->offset;
    strides = reported;
  } else if (from->strides == in_strides) {
    strides = reported;
    offset += step;
  } else if (!op.view_rule(words, in, from->strides, out, &offset, &strides)) {
    return;
  }
  Alias* alias = add_alias(view, from->history, out, strides, offset, reported);
  alias->without_grad = from->without_grad || !graph::grad_enabled();
}

void join_detached(TensorObject* copy, TensorObject* source, bool tracked) {
  Alias* from = alias_of(source);
  Storage* storage = from->history->storage;
  if (storage->histories == 1) storage->latest = detached(from->history->base);
  Alias* alias = add_alias(copy, add_history(storage, storage->latest, tracked), from->shape, from->strides, from->offset, from->reported);
  alias->is_root = from->is_root;
}

PyObject* window_on(TensorObject* source, const Shape& shape, const Shape& strides, i64 offset) {
  Alias* from = alias_of(source);
  TensorObject* view = as_tensor(wrap(ops::as_strided(from->history->base, shape, strides, offset)));
  if (!view) return nullptr;
  Alias* alias = add_alias(view, from->history, shape, strides, offset, strides);
  alias->without_grad = from->without_grad || !graph::grad_enabled();
  settle(from->history->storage);
  return reinterpret_cast<PyObject*>(view);
}

void check_history(const char* op, TensorObject* tensor, bool value_requires_grad) {
  const Node* node = current(tensor);
  if (!graph::grad_enabled()) return;
  auto refuse = [op](const char* why) { runtime_error("[" + std::string(op) + "] " + why); };
  if (node->has(graph::kGradLeaf)) {
    refuse("a leaf that requires grad cannot be changed in place: wrap the change in no_grad()");
  }
  const Alias* alias = tensor->alias;
  if (!alias || alias->is_root || !alias->history->base) return;
  const Node* base = alias->history->base.get();
  if (!value_requires_grad && !base->has(graph::kRequiresGrad)) return;
  if (alias->without_grad) {
    refuse("a view made under no_grad cannot be changed while gradients are recorded: make the view, or the change, in the other mode");
  }
  if (base->has(graph::kGradLeaf)) {
    refuse("a view of a leaf that requires grad cannot be changed in place: wrap the change in no_grad()");
  }
}

void check_memory(const char* op, TensorObject* tensor) {
  const Alias* alias = tensor->alias;
  if (!alias || !repeats(alias)) return;
  runtime_error("[" + std::string(op) + "] several elements of the tensor are one place in memory, as expand() makes them: "
                "clone() it before changing it");
}

void write(TensorObject* tensor, const Var& given, bool replaces) {
  Node* old = current(tensor);
  Var value = given->has(graph::kRequiresGrad) && !graph::grad_enabled() ? detached(given) : given;
  // What required grad goes on to, as in PyTorch: its gradient is zero where it was replaced.
  bool goes_on = graph::grad_enabled() && (replaces || !value->has(graph::kRequiresGrad));
  Alias* alias = tensor->alias;
  if (!alias || !alias->history->base) {  // nobody else sees it
    bool tracked = !alias || alias->history->tracked;
    if (goes_on && old->has(graph::kRequiresGrad) && !old->has(graph::kGradLeaf)) {
      value = ops::as_strided_scatter(Var(old), value, contiguous_strides(old->shape()), 0);
    }
    Var next = succeed(old, value);
    if (tracked) old->flags |= graph::kOverwritten;
    Var before = Var::steal(old);
    tensor->node = Var(next).detach();
    ++(alias ? alias->history->storage->version : tensor->version);
    move_hooks(old, next.get(), tensor);
    return;
  }
  History* history = alias->history;
  Storage* storage = history->storage;
  synchronise(history);
  Node* base = history->base.get();
  bool whole = is_whole(alias) && !(goes_on && base->has(graph::kRequiresGrad) && !base->has(graph::kGradLeaf));
  if (!whole) value = ops::as_strided_scatter(history->base, value, alias->strides, alias->offset);
  Var next = succeed(base, value);
  if (history->tracked) history->base->flags |= graph::kOverwritten;
  Var before = history->base;
  bool is_root = alias->is_root;
  make_stale(storage, history->tracked);
  history->base = next;
  history->state = ++storage->state;
  storage->latest = storage->histories > 1 ? detached(next) : Var();
  storage->version += history->tracked;
  move_hooks(before.get(), next.get(), is_root ? tensor : nullptr);
}

void replace_node(TensorObject* tensor, const Var& node) {
  Node* old = current(tensor);
  Alias* alias = tensor->alias;
  if (alias && alias->history->base && alias->is_root) alias->history->base = node;
  if (alias && !alias->is_root) alias->is_leaf = false;
  tensor->node = Var(node).detach();
  graph::release(old);
}

void swap_tensors(TensorObject* a, TensorObject* b) {
  std::swap(a->node, b->node);
  std::swap(a->alias, b->alias);
  std::swap(a->version, b->version);
  if (a->alias) a->alias->tensor = a;
  if (b->alias) b->alias->tensor = b;
}

void leave_storage(TensorObject* tensor) {
  Alias* alias = tensor->alias;
  Storage* storage = alias->history->storage;
  bool last = storage->histories == 1 && alias->history->refs == 1;
  tensor->alias = nullptr;
  if (tensor->node) unlink(alias);
  drop(alias);
  if (!last) settle(storage);
}

Shape reported_strides(TensorObject* tensor) {
  return tensor->alias ? tensor->alias->reported : contiguous_strides(current(tensor)->shape());
}
i64 reported_offset(TensorObject* tensor) { return tensor->alias ? tensor->alias->offset : 0; }

}  // namespace pyflame::bindings
