#include "runtime/storage_table.h"

#include "runtime/memory.h"

namespace pyflame::runtime {

void StorageTable::place(CpuProgram& program) {
  std::vector<Interval> intervals;
  std::vector<std::size_t> owners;
  for (std::size_t s = 0; s < storages_.size(); ++s) {
    Storage& storage = storages_[s];
    if (storage.kind == StorageKind::kConstant) {
      storage.offset = static_cast<i64>(program.constant_bytes);
      program.constant_bytes += (storage.bytes + 63) & ~std::size_t{63};
    } else if (storage.kind == StorageKind::kTemporary) {
      intervals.push_back({storage.bytes, storage.first, storage.last});
      owners.push_back(s);
    }
  }
  program.arena_bytes = place_intervals(intervals);
  for (std::size_t k = 0; k < owners.size(); ++k) storages_[owners[k]].offset = static_cast<i64>(intervals[k].offset);
  for (Place& place : program.places) {
    const Storage& storage = storages_[place.base];
    place.bytes += storage.offset;
    switch (storage.kind) {
      case StorageKind::kTemporary: place.base = 0; break;
      case StorageKind::kConstant: place.base = 1; break;
      case StorageKind::kLeaf: place.base = 2 + storage.index; break;
      case StorageKind::kOutput: place.base = 2 + program.num_leaves + storage.index; break;
    }
  }
}

}  // namespace pyflame::runtime
