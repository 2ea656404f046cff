#include "runtime/plan_cache.h"

#include <cstring>

#include "base/error.h"

namespace pyflame::runtime {

PlanCache& plan_cache() {
  static PlanCache* cache = new PlanCache;  // never destroyed: plans may outlive the interpreter's own shutdown
  return *cache;
}

std::shared_ptr<Plan> PlanCache::find(u64 hash, const u64* key, std::size_t size) {
  auto it = plans_.find(hash);
  if (it == plans_.end()) {
    ++stats.misses;
    return nullptr;
  }
  const Plan& plan = **it->second;
  if (plan.key.size() != size || std::memcmp(plan.key.data(), key, size * sizeof(u64)) != 0) {
    ++stats.misses;
    ++stats.collisions;
    return nullptr;
  }
  ++stats.hits;
  if (it->second != recent_.begin()) recent_.splice(recent_.begin(), recent_, it->second);
  return recent_.front();
}

std::shared_ptr<Plan> PlanCache::insert(u64 hash, const u64* key, std::size_t size, std::unique_ptr<Executable> executable) {
  auto existing = plans_.find(hash);
  if (existing != plans_.end()) {
    recent_.erase(existing->second);
    plans_.erase(existing);
  }
  evict_to(capacity_ - 1);
  recent_.push_front(std::make_shared<Plan>(Plan{hash, std::vector<u64>(key, key + size), std::move(executable)}));
  plans_[hash] = recent_.begin();
  return recent_.front();
}

void PlanCache::evict_to(std::size_t count) {
  while (plans_.size() > count) {
    plans_.erase(recent_.back()->hash);
    recent_.pop_back();
    ++stats.evictions;
  }
}

std::size_t PlanCache::bytes() const {
  std::size_t total = 0;
  for (const std::shared_ptr<Plan>& plan : recent_) {
    total += sizeof(Plan) + plan->key.size() * sizeof(u64) + plan->executable->report.held_bytes;
  }
  return total;
}

void PlanCache::clear() {
  plans_.clear();
  recent_.clear();
}

void PlanCache::set_capacity(std::size_t plans) {
  if (plans == 0) value_error("[runtime] the plan cache needs room for at least one plan");
  capacity_ = plans;
  evict_to(plans);
}

}  // namespace pyflame::runtime
