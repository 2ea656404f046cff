#include "runtime/memory.h"

#include <algorithm>

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

}  // namespace pyflame::runtime
