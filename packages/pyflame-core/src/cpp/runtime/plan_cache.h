// Compiled plans by structure, least recently used out first.
#pragma once
#include <list>
#include <memory>
#include <unordered_map>

#include "runtime/backend.h"

namespace pyflame::runtime {

struct Plan {
  u64 hash;
  std::vector<u64> key;  // confirms a hit word by word, so no hash collision can run a wrong plan
  std::unique_ptr<Executable> executable;
};

struct PlanCacheStats {
  i64 hits = 0, misses = 0, evictions = 0, collisions = 0;
};

class PlanCache {
 public:
  std::shared_ptr<Plan> find(u64 hash, const u64* key, std::size_t size);
  std::shared_ptr<Plan> insert(u64 hash, const u64* key, std::size_t size, std::unique_ptr<Executable> executable);
  void clear();
  void set_capacity(std::size_t plans);  // throws ValueError when 0
  std::size_t size() const { return plans_.size(); }
  std::size_t bytes() const;  // of keys, programs and their constants
  std::size_t capacity() const { return capacity_; }
  PlanCacheStats stats;

 private:
  using Entry = std::list<std::shared_ptr<Plan>>::iterator;
  void evict_to(std::size_t count);
  std::list<std::shared_ptr<Plan>> recent_;  // most recent first
  std::unordered_map<u64, Entry> plans_;
  std::size_t capacity_ = 256;
};
PlanCache& plan_cache();

}  // namespace pyflame::runtime
