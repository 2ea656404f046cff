// Placement of temporaries in one arena by the interval of steps in which they live.
#pragma once
#include <cstddef>
#include <vector>

#include "base/dtype.h"

namespace pyflame::runtime {

struct Interval {
  std::size_t bytes;
  u32 first, last;         // steps, inclusive
  std::size_t offset = 0;  // filled in
};

// Greedy by size: large blocks first, each at the lowest offset that no overlapping interval holds. Returns the arena's
// size. Offsets are multiples of 64.
std::size_t place_intervals(std::vector<Interval>& intervals);

}  // namespace pyflame::runtime
