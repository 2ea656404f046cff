#include "cpu/simd/tile_loop.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

#define UNARY(...)
#define BINARY(name, domain, kernel, ...) PYFLAME_TILE_OP(name, domain, kernel, T a, T b)
#define COMPARE(...)
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE

}  // namespace

// clang-format off
const BinaryTable binary_table = {{
#define UNARY(...)
#define BINARY(name, ...) \
  {binary_fn<name##_op, u8>(), binary_fn<name##_op, i64>(), binary_fn<name##_op, float>(), \
   binary_fn<name##_op, double>()},
#define COMPARE(...)
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE
}};
// clang-format on

}  // namespace pyflame::cpu::PYFLAME_TIER
