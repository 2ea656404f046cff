#include "runtime/placement.h"

#include <algorithm>

namespace pyflame::runtime {

using graph::FlatNode;

namespace {

constexpr u32 kForever = ~0u;

Shape channels_last_strides(const Shape& shape) {
  Shape strides = contiguous_strides(shape);
  i64 step = shape[1];
  for (int d = shape.ndim; d-- > 2; step *= shape[d]) strides[d] = step;
  strides[0] = step;
  strides[1] = 1;
  return strides;
}

}  // namespace

Placement::Placement(const FlatGraph& graph, const std::vector<u32>& roots, const StepOrder& order,
                     std::vector<OutputBuffer>& buffers)
    : graph_(graph), roots_(roots), order_(order), buffers_(buffers), locations_(graph.nodes.size()),
      last_use_(graph.nodes.size(), 0), kept_(graph.nodes.size(), 0), escapes_(graph.nodes.size(), 0) {
  find_uses();
  for (u32 i = 0; i < graph.nodes.size(); ++i) {
    const FlatNode& leaf = node(i);
    if (leaf.is_leaf()) locations_[i] = {storages_.add({StorageKind::kLeaf, static_cast<u32>(leaf.leaf), bytes_of(leaf)}), 0, leaf.strides};
  }
}

// Last uses, and which values outlive the run.
void Placement::find_uses() {
  for (u32 i = 0; i < graph_.nodes.size(); ++i) {
    if (node(i).keep) kept_[graph_.resolve(i)] = 1;
  }
  for (u32 s = 0; s < order_.steps.size(); ++s) {
    for (u32 i : order_.steps[s].nodes) {
      last_use_[roots_[i]] = std::max(last_use_[roots_[i]], s);
      for (u32 input : node(i).inputs) last_use_[roots_[input]] = std::max(last_use_[roots_[input]], s);
    }
  }
  for (u32 i = 0; i < graph_.nodes.size(); ++i) {
    if (!kept_[i]) continue;
    // A small window must not hold a large temporary: it is copied out instead.
    bool worth = node(roots_[i]).is_leaf() || node(i).shape.numel() * 2 >= node(roots_[i]).shape.numel();
    if (worth) escapes_[roots_[i]] = 1;
    if (worth) last_use_[roots_[i]] = kForever;
  }
}

void Placement::begin_step(u32 step, bool constant) {
  step_ = step;
  constant_ = constant;
  taken_.clear();
}

void Placement::add_read(const Location& from, const Shape& of, const Shape& as) {
  reads_.push_back({from.storage, from.offset, broadcast_strides(of, from.strides, as)});
}

void Placement::place_result(u32 i, const std::vector<u32>& sources) {
  const FlatNode& n = node(i);
  locations_[i] = {new_storage(i, sources), 0, n.channels_last ? channels_last_strides(n.shape) : contiguous_strides(n.shape)};
}

int Placement::new_storage(u32 i, const std::vector<u32>& sources) {
  std::size_t bytes = bytes_of(node(i));
  if (constant_) return storages_.add({StorageKind::kConstant, 0, bytes});
  if (escapes_[i]) {
    u32 index = static_cast<u32>(buffers_.size());
    buffers_.push_back({bytes, node(i).op->name, donor(bytes, sources)});
    return storages_.add({StorageKind::kOutput, index, bytes, step_, step_});
  }
  for (u32 source : sources) {
    const Location& from = locations_[source];
    Storage& storage = storages_[from.storage];
    if (storage.kind == StorageKind::kTemporary && storage.bytes == bytes && last_use_[roots_[source]] == step_ &&
        take(source, bytes)) {
      storage.last = std::max(storage.last, last_use_[i]);
      return from.storage;
    }
  }
  return storages_.add({StorageKind::kTemporary, 0, bytes, step_, std::max(step_, last_use_[i])});
}

// The whole of its memory, in order, read for the last time, and not yet taken by another result of this step.
bool Placement::take(u32 source, std::size_t bytes) {
  const Location& from = locations_[source];
  if (bytes_of(node(source)) != bytes || from.offset != 0 || !is_contiguous(node(source).shape, from.strides)) return false;
  if (std::find(taken_.begin(), taken_.end(), from.storage) != taken_.end()) return false;
  Shape strides = broadcast_strides(node(source).shape, from.strides, node(source).shape);
  for (const Location& read : reads_) {  // the same memory read in another order would be overwritten too early
    if (read.storage == from.storage && (read.offset != 0 || read.strides != strides)) return false;
  }
  taken_.push_back(from.storage);
  return true;
}

int Placement::donor(std::size_t bytes, const std::vector<u32>& sources) {
  if (step_ < order_.safe_from) return -1;
  for (u32 source : sources) {
    const FlatNode& leaf = node(roots_[source]);
    if (!leaf.is_leaf() || last_use_[roots_[source]] != step_) continue;
    if (bytes_of(leaf) == bytes && take(source, bytes)) return leaf.leaf;
  }
  return -1;
}

int Placement::output(u32 i) {
  buffers_.push_back({bytes_of(node(i)), node(i).op->name, -1});
  return storages_.add({StorageKind::kOutput, static_cast<u32>(buffers_.size()) - 1, bytes_of(node(i)), step_, step_});
}

int Placement::temporary(std::size_t bytes) {
  if (constant_) return storages_.add({StorageKind::kConstant, 0, bytes});
  return storages_.add({StorageKind::kTemporary, 0, bytes, step_, step_});
}

int Placement::temporary_of(u32 i, std::size_t bytes) {
  if (constant_) return storages_.add({StorageKind::kConstant, 0, bytes});
  u32 last = last_use_[roots_[i]] == kForever ? static_cast<u32>(order_.steps.size()) : last_use_[roots_[i]];
  return storages_.add({StorageKind::kTemporary, 0, bytes, step_, std::max(step_, last)});
}

}  // namespace pyflame::runtime
