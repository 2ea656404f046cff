// Elementwise ops on whole vectors of float or double. Each gives, bit for bit, what its expression in
// base/elementwise.def gives for scalars. Masks are vectors of all ones or none.
#pragma once
#include "cpu/simd/vector_math.h"

namespace pyflame::cpu::PYFLAME_TIER {

typedef i64 LongVector __attribute__((vector_size(kVectorBytes)));

template <class T>
struct LaneTypes;
template <>
struct LaneTypes<float> {
  using Bits = IntVector;
};
template <>
struct LaneTypes<double> {
  using Bits = LongVector;
};
template <class T>
using Bits = typename LaneTypes<T>::Bits;
typedef u8 ByteLanes4 __attribute__((vector_size(kVectorBytes / 4)));
typedef u8 ByteLanes8 __attribute__((vector_size(kVectorBytes / 8)));
template <class T>
using Bytes = std::conditional_t<sizeof(T) == 4, ByteLanes4, ByteLanes8>;

inline FloatVector square_root(FloatVector x) {
#if defined(__AVX512F__)
  return _mm512_sqrt_ps(x);
#elif defined(__AVX2__)
  return _mm256_sqrt_ps(x);
#else
  for (int i = 0; i < kWidth<float>; ++i) x[i] = std::sqrt(x[i]);
  return x;
#endif
}
inline DoubleVector square_root(DoubleVector x) {
#if defined(__AVX512F__)
  return _mm512_sqrt_pd(x);
#elif defined(__AVX2__)
  return _mm256_sqrt_pd(x);
#else
  for (int i = 0; i < kWidth<double>; ++i) x[i] = std::sqrt(x[i]);
  return x;
#endif
}

template <class T>
inline Vec<T> select(Vec<T> mask, Vec<T> x, Vec<T> y) {
  Bits<T> m = (Bits<T>)mask;
  return (Vec<T>)((m & (Bits<T>)x) | (~m & (Bits<T>)y));
}

template <class T>
inline Vec<T> load_mask(const char* p) {
  Bytes<T> bytes;
  std::memcpy(&bytes, p, sizeof bytes);
  return (Vec<T>)__builtin_convertvector(bytes != 0, Bits<T>);
}
template <class T>
inline void store_mask(char* p, Vec<T> mask) {
  Bytes<T> bytes = __builtin_convertvector((Bits<T>)mask & 1, Bytes<T>);
  std::memcpy(p, &bytes, sizeof bytes);
}

#define PYFLAME_LANE_UNARY(NAME, EXPRESSION) \
  template <class T>                         \
  struct NAME##_lanes {                      \
    static inline Vec<T> of(Vec<T> x) {      \
      return EXPRESSION;                     \
    }                                        \
  };
PYFLAME_LANE_UNARY(neg, -x)
PYFLAME_LANE_UNARY(abs, (Vec<T>)((Bits<T>)x & static_cast<typename FloatBits<T>::Int>(~FloatBits<T>::kSign)))
PYFLAME_LANE_UNARY(square, x* x)
PYFLAME_LANE_UNARY(sqrt, square_root(x))
PYFLAME_LANE_UNARY(rsqrt, T(1) / square_root(x))
PYFLAME_LANE_UNARY(reciprocal, T(1) / x)
PYFLAME_LANE_UNARY(relu, x < T(0) ? Vec<T>{} : x)
PYFLAME_LANE_UNARY(positive, x)
PYFLAME_LANE_UNARY(invert, (Vec<T>)(~(Bits<T>)x))
PYFLAME_LANE_UNARY(from_bool, (Vec<T>)((Bits<T>)x & (Bits<T>)broadcast<T>(T(1))))
PYFLAME_LANE_UNARY(to_bool, (Vec<T>)(x != T(0)))
#undef PYFLAME_LANE_UNARY

#define PYFLAME_LANE_BINARY(NAME, EXPRESSION)       \
  template <class T>                                \
  struct NAME##_lanes {                             \
    static inline Vec<T> of(Vec<T> a, Vec<T> b) {   \
      return EXPRESSION;                            \
    }                                               \
  };
PYFLAME_LANE_BINARY(add, a + b)
PYFLAME_LANE_BINARY(sub, a - b)
PYFLAME_LANE_BINARY(mul, a* b)
PYFLAME_LANE_BINARY(div, a / b)
PYFLAME_LANE_BINARY(maximum, ((a > b) | (a != a)) ? a : b)
PYFLAME_LANE_BINARY(minimum, ((a < b) | (a != a)) ? a : b)
PYFLAME_LANE_BINARY(eq, (Vec<T>)(a == b))
PYFLAME_LANE_BINARY(ne, (Vec<T>)(a != b))
PYFLAME_LANE_BINARY(lt, (Vec<T>)(a < b))
PYFLAME_LANE_BINARY(le, (Vec<T>)(a <= b))
PYFLAME_LANE_BINARY(gt, (Vec<T>)(a > b))
PYFLAME_LANE_BINARY(ge, (Vec<T>)(a >= b))
PYFLAME_LANE_BINARY(both, (Vec<T>)((Bits<T>)a & (Bits<T>)b))
PYFLAME_LANE_BINARY(either, (Vec<T>)((Bits<T>)a | (Bits<T>)b))
PYFLAME_LANE_BINARY(differ, (Vec<T>)((Bits<T>)a ^ (Bits<T>)b))
#undef PYFLAME_LANE_BINARY

}  // namespace pyflame::cpu::PYFLAME_TIER
