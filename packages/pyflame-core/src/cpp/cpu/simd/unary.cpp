#include "cpu/simd/tile_loop.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

#define UNARY(name, domain, kernel, gradient) PYFLAME_TILE_OP(name, domain, kernel, T x)
#define BINARY(...)
#define COMPARE(...)
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE

}  // namespace

// clang-format off
const UnaryTable unary_table = {{
#define UNARY(name, ...) \
  {unary_fn<name##_op, u8>(), unary_fn<name##_op, i64>(), unary_fn<name##_op, float>(), unary_fn<name##_op, double>()},
#define BINARY(...)
#define COMPARE(...)
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE
}};
// clang-format on

}  // namespace pyflame::cpu::PYFLAME_TIER
