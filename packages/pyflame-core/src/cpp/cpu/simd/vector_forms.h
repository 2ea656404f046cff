// Ops whose loop over floats, or doubles, is written with vectors. The others are scalar expressions that the compiler vectorises.
#pragma once
#include "base/tile_op.h"
#include "cpu/simd/error_function.h"
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

template <TileOp op>
struct DoubleForm {
  static constexpr bool kWritten = false;
};
#define DOUBLE_FORM(name)                                               \
  template <>                                                           \
  struct DoubleForm<TileOp::name> {                                     \
    static constexpr bool kWritten = true;                              \
    static DoubleVector of(DoubleVector x) { return double_##name(x); } \
  };
#if defined(__AVX512F__)
DOUBLE_FORM(exp)
DOUBLE_FORM(log)
#endif
#if defined(__FMA__) || defined(__aarch64__)
DOUBLE_FORM(erf)
DOUBLE_FORM(erfc)
DOUBLE_FORM(erfinv)
DOUBLE_FORM(gelu)
#endif
#undef DOUBLE_FORM

}  // namespace pyflame::cpu::PYFLAME_TIER
