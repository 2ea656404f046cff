#include "cpu/simd/tile_loop.h"
#include "cpu/simd/vector_math.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

#define UNARY(name, domain, kernel, gradient) PYFLAME_TILE_OP(name, domain, kernel, T x)
#define BINARY(...)
#define COMPARE(...)
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE

// Ops whose float loop is written with vectors. The others are scalar expressions that the compiler vectorises.
template <TileOp op>
constexpr FloatVector (*vector_form)(FloatVector) = nullptr;
template <>
constexpr FloatVector (*vector_form<TileOp::exp>)(FloatVector) = vector_exp;
template <>
constexpr FloatVector (*vector_form<TileOp::tanh>)(FloatVector) = vector_tanh;
template <>
constexpr FloatVector (*vector_form<TileOp::sigmoid>)(FloatVector) = vector_sigmoid;
template <>
constexpr FloatVector (*vector_form<TileOp::erf>)(FloatVector) = vector_erf;
template <>
constexpr FloatVector (*vector_form<TileOp::gelu>)(FloatVector) = vector_gelu;

template <class Op>
void vector_loop(void* out, const void* a, const void*, const void*, i64 n) {
  constexpr auto form = vector_form<Op::op>;
  constexpr i64 w = kWidth<float>;
  const float* x = static_cast<const float*>(a);
  float* y = static_cast<float*>(out);
  i64 i = 0;
  for (; i + w <= n; i += w) store(y + i, form(load(x + i)));
  if (i < n) {
    Lanes<float> lanes(static_cast<int>(n - i));
    store(y + i, form(load(x + i, lanes)), lanes);
  }
}

template <class Op>
constexpr TileFn float_fn() {
  if constexpr (vector_form<Op::op> != nullptr) {
    return vector_loop<Op>;
  } else {
    return unary_fn<Op, float>();
  }
}

}  // namespace

// clang-format off
const UnaryTable unary_table = {{
#define UNARY(name, ...) \
  {unary_fn<name##_op, u8>(), unary_fn<name##_op, i64>(), float_fn<name##_op>(), unary_fn<name##_op, double>()},
#define BINARY(...)
#define COMPARE(...)
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE
}};
// clang-format on

}  // namespace pyflame::cpu::PYFLAME_TIER
