// Loops over tiles, and which compute classes a domain of base/elementwise.def allows.
#pragma once
#include "cpu/elementwise_table.h"
#include "cpu/simd/exceptions.h"

namespace pyflame::cpu::PYFLAME_TIER {

enum class TileDomain { kFloat, kNumber, kSigned, kAny, kBits, kLogic };

template <class T>
constexpr bool allows(TileDomain domain) {
  return kIsFloat<T>                ? domain != TileDomain::kBits
         : !std::is_same_v<T, Bool> ? domain != TileDomain::kFloat
                                    : domain != TileDomain::kFloat && domain != TileDomain::kNumber && domain != TileDomain::kSigned;
}

// Ops of many instructions, compiled for whole vectors only: a scalar copy of each for the last few elements would
// cost more time and code than a padded vector. The others leave their tails to the compiler.
constexpr bool pads_tail(TileOp op, bool is_double) {
  switch (op) {
    case TileOp::exp:
    case TileOp::exp2:
    case TileOp::expm1:
    case TileOp::log:
    case TileOp::log1p:
    case TileOp::tanh:
    case TileOp::sigmoid:
    case TileOp::logaddexp:
    case TileOp::log2:
    case TileOp::sin:
    case TileOp::cos:
    case TileOp::tan:
    case TileOp::asin:
    case TileOp::acos:
    case TileOp::atan:
    case TileOp::sinh:
    case TileOp::cosh:
    case TileOp::asinh:
    case TileOp::acosh:
    case TileOp::atanh:
    case TileOp::erf:
    case TileOp::erfc:
    case TileOp::erfinv:
    case TileOp::log10:
      return true;
    case TileOp::hypot:
    case TileOp::fmod:
    case TileOp::remainder:
    case TileOp::floor_divide:
      return !is_double;
    default:
      return false;
  }
}

constexpr i64 kGroup = 16;

// Copies fewer than kGroup elements without a call, the rest of the group becoming 1.
template <class T>
inline void copy_tail(T* to, const T* from, i64 n) {
  for (i64 i = 0; i < kGroup; ++i) to[i] = T(1);
  for (i64 step = kGroup / 2, at = 0; step > 0; step /= 2) {
    if (!(n & step)) continue;
    for (i64 i = 0; i < step; ++i) to[at + i] = from[at + i];
    at += step;
  }
}

template <class T>
inline void store_tail(T* to, const T* from, i64 n) {
  for (i64 i = 0; i < n; ++i) to[i] = from[i];
}

// Computes a span element by element if one of its arguments is an exception.
template <class Op, class In, class Out, class... Arguments>
inline bool exceptional_span(Out* y, i64 n, const Arguments*... x) {
  using Found = Exceptions<Op::op, In>;
  if constexpr (Found::kAny) {
    std::conditional_t<sizeof(In) == 4, u32, u64> any = 0;  // as wide as the arguments, for the compiler's sake
    for (i64 i = 0; i < n; ++i) any |= Found::at(x[i]...) ? 1 : 0;
    if (!any) return false;
    for (i64 i = 0; i < n; ++i) y[i] = Found::at(x[i]...) ? Found::value(x[i]...) : Op::template apply<In>(x[i]...);
    return true;
  }
  return false;
}

template <class Op, class In, class Out>
inline void unary_span(Out* y, const In* x, i64 n) {
  if (exceptional_span<Op, In>(y, n, x)) return;
#pragma GCC ivdep
  for (i64 i = 0; i < n; ++i) y[i] = static_cast<Out>(Op::template apply<In>(x[i]));
}

template <class Op, class In, class Out>
inline void binary_span(Out* y, const In* a, const In* b, i64 n) {
  if (exceptional_span<Op, In>(y, n, a, b)) return;
#pragma GCC ivdep
  for (i64 i = 0; i < n; ++i) y[i] = static_cast<Out>(Op::template apply<In>(a[i], b[i]));
}

template <class Op, class T>
constexpr bool kPadsTail = kIsFloat<T> && pads_tail(Op::op, sizeof(T) == 8);

template <class Op, class In, class Out>
void unary_loop(void* out, const void* a, const void*, const void*, i64 n) {
  const In* x = static_cast<const In*>(a);
  Out* y = static_cast<Out*>(out);
  if constexpr (!kPadsTail<Op, In>) {
    unary_span<Op>(y, x, n);
  } else {
    In x_tail[kGroup];
    Out y_tail[kGroup];
    for (i64 whole = n & -kGroup, rest = n - whole;;) {  // one copy of the vector code, run again for the tail
      unary_span<Op>(y, x, whole & -kGroup);
      if (y == y_tail) return store_tail(static_cast<Out*>(out) + n - rest, y_tail, rest);
      if (rest == 0) return;
      copy_tail(x_tail, x + whole, rest);
      x = x_tail;
      y = y_tail;
      whole = kGroup;
    }
  }
}

template <class Op, class In, class Out>
void binary_loop(void* out, const void* a, const void* b, const void*, i64 n) {
  const In* p = static_cast<const In*>(a);
  const In* q = static_cast<const In*>(b);
  Out* y = static_cast<Out*>(out);
  if constexpr (!kPadsTail<Op, In>) {
    binary_span<Op>(y, p, q, n);
  } else {
    In p_tail[kGroup], q_tail[kGroup];
    Out y_tail[kGroup];
    for (i64 whole = n & -kGroup, rest = n - whole;;) {
      binary_span<Op>(y, p, q, whole & -kGroup);
      if (y == y_tail) return store_tail(static_cast<Out*>(out) + n - rest, y_tail, rest);
      if (rest == 0) return;
      copy_tail(p_tail, p + whole, rest);
      copy_tail(q_tail, q + whole, rest);
      p = p_tail;
      q = q_tail;
      y = y_tail;
      whole = kGroup;
    }
  }
}

template <class Op, class T>
constexpr TileFn unary_fn() {
  if constexpr (!allows<T>(Op::domain)) {
    return nullptr;
  } else {
    return unary_loop<Op, T, std::conditional_t<Op::domain == TileDomain::kLogic, Bool, T>>;
  }
}

template <class Op, class T>
constexpr TileFn binary_fn() {
  if constexpr (!allows<T>(Op::domain)) {
    return nullptr;
  } else {
    return binary_loop<Op, T, std::conditional_t<Op::domain == TileDomain::kLogic, Bool, T>>;
  }
}

}  // namespace pyflame::cpu::PYFLAME_TIER

// FUNCTION<OP, T>() for bool and the integers, in the order of their classes.
#define PYFLAME_WHOLE_CLASSES(FUNCTION, OP)                                                                  \
  FUNCTION<OP, Bool>(), FUNCTION<OP, u8>(), FUNCTION<OP, std::int8_t>(), FUNCTION<OP, std::int16_t>(),       \
      FUNCTION<OP, std::int32_t>(), FUNCTION<OP, i64>()

// One op of base/elementwise.def as a type; T is the compute type its expression is written in.
#define PYFLAME_TILE_OP(NAME, DOMAIN, EXPRESSION, ...)       \
  struct NAME##_op {                                         \
    static constexpr TileOp op = TileOp::NAME;               \
    static constexpr TileDomain domain = TileDomain::DOMAIN; \
    template <class T>                                       \
    static inline auto apply(__VA_ARGS__) {                  \
      return EXPRESSION;                                     \
    }                                                        \
  };
