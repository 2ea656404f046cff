// exp(x) of vectors of x <= 0 or NaN, for float and double alike.
#pragma once
#include "cpu/simd/math.h"
#include "cpu/simd/vector_math.h"

namespace pyflame::cpu::PYFLAME_TIER {

inline FloatVector power(FloatVector x) { return exp_below_overflow(x); }
inline DoubleVector power(DoubleVector x) {
  double lanes[kWidth<double>];
  store(lanes, x);
  for (double& lane : lanes) lane = vexp(lane);
  return load(lanes);
}

}  // namespace pyflame::cpu::PYFLAME_TIER
