// Weighted sums of elements at places that an index names, of some planes of one image.
#pragma once
#include "base/dtype.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

struct WeightedPlanes {
  i64 planes, size, taps, points;
  const std::int32_t* index;      // (taps, points), checked
  const void* weight;    // (taps, points)
  const void* a;         // (planes, points)
  const void* x;         // (planes, size)
  void* out;
};

struct WeightedFunctions {
  void (*gather)(const WeightedPlanes& planes);
  void (*scatter)(const WeightedPlanes& planes);
  // Of points [begin, end).
  void (*dot)(const WeightedPlanes& planes, i64 begin, i64 end);
};

struct WeightedKernels {
  WeightedFunctions of_float, of_double;
};

PYFLAME_DECLARE_TIERS(WeightedKernels, weighted_kernels)

}  // namespace pyflame::cpu
