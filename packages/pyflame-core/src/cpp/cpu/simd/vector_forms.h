// Ops whose loop over floats is written with vectors. The others are scalar expressions that the compiler vectorises.
#pragma once
#include "base/tile_op.h"
#include "cpu/simd/vector_math.h"

namespace pyflame::cpu::PYFLAME_TIER {

template <TileOp op>
struct VectorForm {
  static constexpr bool kWritten = false;
};
#define VECTOR_FORM(name)                                             \
  template <>                                                         \
  struct VectorForm<TileOp::name> {                                   \
    static constexpr bool kWritten = true;                            \
    static FloatVector of(FloatVector x) { return vector_##name(x); } \
  };
VECTOR_FORM(exp)
VECTOR_FORM(exp2)
VECTOR_FORM(log)
VECTOR_FORM(log2)
#if defined(__FMA__) || defined(__aarch64__)
VECTOR_FORM(log10)
#endif
VECTOR_FORM(tanh)
VECTOR_FORM(sigmoid)
VECTOR_FORM(erf)
VECTOR_FORM(gelu)
#undef VECTOR_FORM

}  // namespace pyflame::cpu::PYFLAME_TIER
