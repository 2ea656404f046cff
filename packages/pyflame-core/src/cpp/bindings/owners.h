// Which handle the gradient of a node goes to: a hash table with open addressing, as every step of an optimizer moves the
// entry of every parameter.
#pragma once
#include <vector>

#include "bindings/tensor_type.h"

namespace pyflame::bindings {

class Owners {
 public:
  TensorObject* find(const Node* node) const {
    for (std::size_t i = home(node); slots_[i].node; i = next(i)) {
      if (slots_[i].node == node) return slots_[i].owner;
    }
    return nullptr;
  }

  void insert(const Node* node, TensorObject* owner) {  // which is not there yet
    if (2 * ++count_ > slots_.size()) grow();
    put(node, owner);
  }

  // The handle that was there, or nullptr. Later entries move up, so that none is cut off from its home.
  TensorObject* erase(const Node* node) {
    std::size_t hole = home(node);
    while (slots_[hole].node != node) {
      if (!slots_[hole].node) return nullptr;
      hole = next(hole);
    }
    TensorObject* owner = slots_[hole].owner;
    --count_;
    for (std::size_t i = next(hole); slots_[i].node; i = next(i)) {
      if (distance(home(slots_[i].node), i) < distance(hole, i)) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = Slot();
    return owner;
  }

  std::vector<Node*> nodes_of(const TensorObject* owner) const {
    std::vector<Node*> found;
    for (const Slot& slot : slots_) {
      if (slot.node && slot.owner == owner) found.push_back(const_cast<Node*>(slot.node));
    }
    return found;
  }

 private:
  struct Slot {
    const Node* node = nullptr;
    TensorObject* owner = nullptr;
  };
  std::size_t home(const Node* node) const {  // nodes are aligned to two cache lines
    return (reinterpret_cast<u64>(node) >> 7) * 0x9E3779B97F4A7C15ull >> shift_;
  }
  std::size_t next(std::size_t i) const { return (i + 1) & (slots_.size() - 1); }
  std::size_t distance(std::size_t from, std::size_t to) const { return (to - from) & (slots_.size() - 1); }
  void put(const Node* node, TensorObject* owner) {
    std::size_t i = home(node);
    while (slots_[i].node) i = next(i);
    slots_[i] = {node, owner};
  }
  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    --shift_;
    for (const Slot& slot : old) {
      if (slot.node) put(slot.node, slot.owner);
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(64);
  int shift_ = 64 - 6;
  std::size_t count_ = 0;
};

}  // namespace pyflame::bindings
