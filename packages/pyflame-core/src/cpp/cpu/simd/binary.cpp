#include "cpu/simd/tile_loop.h"
#include "cpu/simd/wide_forms.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

#define UNARY(...)
#define BINARY(name, domain, kernel, ...) PYFLAME_TILE_OP(name, domain, kernel, T a, T b)
#define COMPARE(...)
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE

template <class Op>
void wide_loop(void* out, const void* a, const void* b, const void*, i64 n) {
  wide_span<WideForm<Op::op>>(static_cast<float*>(out), n, static_cast<const float*>(a), static_cast<const float*>(b));
}

template <class Op>
constexpr TileFn float_fn() {
  if constexpr (WideForm<Op::op>::kWritten) {
    return wide_loop<Op>;
  } else {
    return binary_fn<Op, float>();
  }
}

}  // namespace

// clang-format off
const BinaryTable binary_table = {{
#define UNARY(...)
#define BINARY(name, ...) \
  {PYFLAME_WHOLE_CLASSES(binary_fn, name##_op), float_fn<name##_op>(), \
   binary_fn<name##_op, double>()},
#define COMPARE(...)
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE
}};
// clang-format on

}  // namespace pyflame::cpu::PYFLAME_TIER
