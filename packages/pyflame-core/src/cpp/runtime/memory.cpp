#include "runtime/memory.h"

#include <pthread.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>
#include <string>

#include "base/error.h"

namespace pyflame::runtime {

std::size_t place_intervals(std::vector<Interval>& intervals) {
  std::vector<u32> by_size(intervals.size()), placed;
  for (u32 i = 0; i < by_size.size(); ++i) by_size[i] = i;
  std::stable_sort(by_size.begin(), by_size.end(), [&](u32 a, u32 b) { return intervals[a].bytes > intervals[b].bytes; });
  std::size_t total = 0;
  for (u32 i : by_size) {
    Interval& block = intervals[i];
    std::size_t size = (block.bytes + 63) & ~std::size_t{63}, offset = 0;
    // `placed` is sorted by offset, so one sweep finds the lowest gap.
    for (u32 p : placed) {
      const Interval& other = intervals[p];
      if (other.last < block.first || other.first > block.last) continue;
      if (other.offset >= offset + size) break;
      offset = std::max(offset, other.offset + ((other.bytes + 63) & ~std::size_t{63}));
    }
    block.offset = offset;
    total = std::max(total, offset + size);
    auto at = std::upper_bound(placed.begin(), placed.end(), offset,
                               [&](std::size_t value, u32 p) { return value < intervals[p].offset; });
    placed.insert(at, i);
  }
  return total;
}

namespace {
struct Spare {
  void* data = nullptr;
  std::size_t bytes = 0;
};
std::mutex g_mutex;
Spare g_spare;  // one is enough: runs of a backend are serialised
// A child may be forked while another thread has the lock and the spare is half exchanged.
[[maybe_unused]] const int g_fork_hook = pthread_atfork(nullptr, nullptr, [] {
  new (&g_mutex) std::mutex;
  g_spare = Spare();
});
}  // namespace

ArenaLease::ArenaLease(std::size_t bytes) : data_(nullptr), bytes_(0) {
  if (!bytes) return;
  {
    std::lock_guard<std::mutex> lock(g_mutex);
    if (g_spare.bytes >= bytes) {
      data_ = g_spare.data;
      bytes_ = g_spare.bytes;
      g_spare = Spare();
      return;
    }
    std::free(g_spare.data);
    g_spare = Spare();
  }
  bytes_ = (bytes + 4095) & ~std::size_t{4095};
  data_ = std::aligned_alloc(64, bytes_);
  if (!data_) {
    fail(ErrorKind::kMemory, "[eval] cannot allocate " + std::to_string(bytes) + " bytes for temporaries: evaluate smaller parts");
  }
}

ArenaLease::~ArenaLease() {
  if (!data_) return;
  std::lock_guard<std::mutex> lock(g_mutex);
  if (bytes_ > g_spare.bytes) {
    std::free(g_spare.data);
    g_spare = Spare{data_, bytes_};
  } else {
    std::free(data_);
  }
}

}  // namespace pyflame::runtime
