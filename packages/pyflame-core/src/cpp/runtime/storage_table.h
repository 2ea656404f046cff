// Where the values of a program live: leaves, results, constants, and temporaries placed in one arena.
#pragma once
#include "runtime/cpu_program.h"

namespace pyflame::runtime {

enum class StorageKind { kLeaf, kTemporary, kOutput, kConstant };

struct Storage {
  StorageKind kind;
  u32 index = 0;  // leaf, output buffer
  std::size_t bytes = 0;
  u32 first = 0, last = 0;  // steps in which a temporary lives
  i64 offset = 0;           // in arena or constants
};

class StorageTable {
 public:
  int add(Storage storage) {
    storages_.push_back(storage);
    return static_cast<int>(storages_.size()) - 1;
  }
  Storage& operator[](int i) { return storages_[static_cast<std::size_t>(i)]; }

  // Gives every storage its offset and turns the storage numbers in program.places into bases; sets the program's sizes.
  void place(CpuProgram& program);

 private:
  std::vector<Storage> storages_;
};

}  // namespace pyflame::runtime
