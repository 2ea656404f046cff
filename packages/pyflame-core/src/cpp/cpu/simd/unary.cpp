#include "cpu/simd/tile_loop.h"
#include "cpu/simd/vector_forms.h"
#include "cpu/simd/wide_forms.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

#define UNARY(name, domain, kernel, gradient) PYFLAME_TILE_OP(name, domain, kernel, T x)
#define BINARY(...)
#define COMPARE(...)
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE

// Two vectors in turns, as in wide_span.
template <class Form, class T>
void vector_loop(void* out, const void* a, const void*, const void*, i64 n) {
  constexpr i64 w = kWidth<T>;
  const T* x = static_cast<const T*>(a);
  T* y = static_cast<T*>(out);
  i64 i = 0;
  for (; i + 2 * w <= n; i += 2 * w) {
    Vec<T> first = Form::of(load(x + i)), second = Form::of(load(x + i + w));
    store(y + i, first);
    store(y + i + w, second);
  }
  for (; i + w <= n; i += w) store(y + i, Form::of(load(x + i)));
  if (i < n) {
    Lanes<T> lanes(static_cast<int>(n - i));
    store(y + i, Form::of(load(x + i, lanes)), lanes);
  }
}

template <class Op>
void wide_loop(void* out, const void* a, const void*, const void*, i64 n) {
  wide_span<WideForm<Op::op>>(static_cast<float*>(out), n, static_cast<const float*>(a));
}

template <class Op>
constexpr TileFn float_fn() {
  if constexpr (VectorForm<Op::op>::kWritten) {
    return vector_loop<VectorForm<Op::op>, float>;
  } else if constexpr (WideForm<Op::op>::kWritten) {
    return wide_loop<Op>;
  } else {
    return unary_fn<Op, float>();
  }
}

template <class Op>
constexpr TileFn double_fn() {
  if constexpr (DoubleForm<Op::op>::kWritten) {
    return vector_loop<DoubleForm<Op::op>, double>;
  } else {
    return unary_fn<Op, double>();
  }
}

}  // namespace

// clang-format off
const UnaryTable unary_table = {{
#define UNARY(name, ...) \
  {PYFLAME_WHOLE_CLASSES(unary_fn, name##_op), float_fn<name##_op>(), double_fn<name##_op>()},
#define BINARY(...)
#define COMPARE(...)
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE
}};
// clang-format on

}  // namespace pyflame::cpu::PYFLAME_TIER
