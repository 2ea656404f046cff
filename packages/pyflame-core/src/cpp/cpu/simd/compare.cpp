#include "cpu/simd/tile_loop.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

#define UNARY(...)
#define BINARY(...)
#define COMPARE(name, kernel) PYFLAME_TILE_OP(name, kLogic, kernel, T a, T b)
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE

}  // namespace

// clang-format off
const CompareTable compare_table = {{
#define UNARY(...)
#define BINARY(...)
#define COMPARE(name, ...) \
  {PYFLAME_WHOLE_CLASSES(binary_fn, name##_op), binary_fn<name##_op, float>(), \
   binary_fn<name##_op, double>()},
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE
}};
// clang-format on

}  // namespace pyflame::cpu::PYFLAME_TIER
