// Functions of one or two floats with double's spare bits: within 0.6 ulp of the true value.
#pragma once
#include "base/tile_op.h"
#include "cpu/simd/wide_gamma.h"

namespace pyflame::cpu::PYFLAME_TIER {

inline DoubleVector wide_log10(DoubleVector x) { return wide_log(x) * 0.4342944819032518; }

// exp(90) is beyond float.
inline DoubleVector wide_sinh(DoubleVector x) {
  DoubleVector a = wide_clamp(wide_magnitude(x), 0.0, 90.0), z = a * a, e = wide_exp(a);
  DoubleVector p = wide_polynomial(z, 2.5456803398821149e-8, 2.7553768327317773e-6, 0.00019841282542216069,
                                   0.0083333333174401683, 0.16666666666698483);
  return wide_sign(a < 1.0 ? fma(a * z, p, a) : 0.5 * (e - near_reciprocal(e)), x);
}

inline DoubleVector wide_cosh(DoubleVector x) {
  DoubleVector e = wide_exp(wide_clamp(wide_magnitude(x), 0.0, 90.0));
  return 0.5 * (e + near_reciprocal(e));
}

inline DoubleVector wide_atanh(DoubleVector x) {
  DoubleVector a = wide_magnitude(x), y = 0.5 * wide_log1p((a + a) * near_reciprocal(1.0 - a));
  return wide_sign(a == 1.0 ? broadcast(infinity<double>()) : y, x);
}

// exp(-a^2) times a polynomial (minimax fit) in (a - 3) / (a + 3).
inline DoubleVector wide_erfc(DoubleVector x) {
  DoubleVector a = wide_clamp(wide_magnitude(x), 0.0, 10.1);  // erfc(10.1) rounds to 0
  DoubleVector t = fma(near_reciprocal(a + 3.0), broadcast(-6.0), broadcast(1.0));
  DoubleVector p = wide_polynomial(t, 5.5863482908944326e-5, 2.8757288806159127e-5, -0.00059462606947491689,
                                   0.00071578685968495854, 0.0042689191676106745, -0.024394238242499949,
                                   0.071665855876048611, -0.15011578167987797, 0.24560379806173183,
                                   -0.32623356382531099, 0.17900115126022734);
  DoubleVector y = wide_exp(-a * a) * p;
  return x < 0.0 ? 2.0 - y : y;
}

// x times a polynomial (minimax fit) in w = -log(1 - x^2), or in its root.
inline DoubleVector wide_erfinv(DoubleVector x) {
  DoubleVector w = -wide_log((1.0 - x) * (1.0 + x));
  DoubleVector p = wide_polynomial(w, 3.3551696120072222e-10, -1.7160745070396471e-8, 3.0979021892134602e-7,
                                   -2.4978389184137168e-6, 5.8354690388844365e-6, 4.0487148122669634e-5,
                                   -0.00012200310068452703, -0.0023385402530087277, 0.011550335406720065,
                                   0.23201355602441109, 0.88622692745147382);
  LongVector far = w >= 5.0;
  if (any_lane(far)) {
    DoubleVector root = square_root(w);
    DoubleVector q = wide_polynomial(root, -2.9219193373485547e-5, 0.0010369156887548236, -0.016440964345596282,
                                     0.15317288915563019, -0.92673850804452403, 3.7932929790234069,
                                     -10.587239152708557, 19.736871367777681, -23.173214211794284,
                                     16.000588449736035, -3.9210266047365643);
    p = far ? q : p;
    p = w == infinity<double>() ? w : p;
  }
  return x * p;
}

// atan(y / x) for magnitudes, in three parts around 0, 45 and 90 degrees. Infinities are large numbers, whose quotients
// are those of infinities to a float; for two zeros the angle is 0.
inline DoubleVector wide_atan2(DoubleVector y, DoubleVector x) {
  using C = Circle<double>;
  DoubleVector a = wide_clamp(wide_magnitude(y), 0.0, 1e200), b = wide_clamp(wide_magnitude(x), 1e-200, 1e200);
  LongVector low = a <= 0.41421356237309503 * b, middle = a <= 2.414213562373095 * b;  // tan(pi / 8), tan(3 pi / 8)
  DoubleVector over = low ? a : middle ? a - b : -b, under = low ? b : middle ? a + b : a;
  DoubleVector t = over * near_reciprocal(under), z = t * t;
  DoubleVector p = wide_polynomial(z, -0.037940249283447827, 0.069922493609579063, -0.089970997694376008,
                                   0.11104035844798708, -0.14285425605475197, 0.19999994382830619,
                                   -0.33333333296263392);
  DoubleVector start = low ? DoubleVector{} : broadcast(C::kPiHigh) * (middle ? broadcast(0.25) : broadcast(0.5));
  DoubleVector angle = start + fma(t * z, p, t);
  return wide_sign((LongVector)x < 0 ? C::kPiHigh - angle : angle, y);
}

inline DoubleVector wide_pow(DoubleVector base, DoubleVector exponent) {
  using F = FloatBits<double>;
  DoubleVector a = wide_magnitude(base), one = broadcast(1.0);
  DoubleVector y = wide_exp(wide_clamp(exponent * wide_log(a), -200.0, 200.0));
  y = ((a == 1.0) & (exponent == exponent)) ? one : y;
  LongVector negative = (LongVector)base < 0;
  if (any_lane(negative)) {
    // Exponents of 2^24 and more are even.
    DoubleVector c = wide_clamp(wide_magnitude(exponent), 0.0, 0x1p25), shifted = c + F::kMagic;
    LongVector whole = (shifted - F::kMagic) == c, odd = whole & (((LongVector)shifted & 1) != 0);
    y = (DoubleVector)((LongVector)y ^ (odd & negative & static_cast<i64>(F::kSign)));
    y = ((base < 0.0) & (a < infinity<double>()) & ~whole) ? broadcast(quiet_nan<double>()) : y;
  }
  return ((exponent == 0.0) | (base == 1.0)) ? one : y;
}

template <TileOp op>
struct WideForm {
  static constexpr bool kWritten = false;
};
#define WIDE_FORM(name)                                                   \
  template <>                                                             \
  struct WideForm<TileOp::name> {                                         \
    static constexpr bool kWritten = true;                                \
    template <class... V>                                                 \
    static DoubleVector of(V... operands) { return wide_##name(operands...); } \
  };
WIDE_FORM(log10)
WIDE_FORM(sinh)
WIDE_FORM(cosh)
WIDE_FORM(atanh)
WIDE_FORM(erfc)
WIDE_FORM(erfinv)
WIDE_FORM(lgamma)
WIDE_FORM(digamma)
WIDE_FORM(atan2)
WIDE_FORM(pow)
#undef WIDE_FORM

// Two vectors in turns: what waits for the steps of one alone fills the queues of the units.
template <class Form, class... In>
inline void wide_span(float* y, i64 n, const In*... x) {
  constexpr int w = kWidth<double>;
  i64 i = 0;
  for (; i + 2 * w <= n; i += 2 * w) {
    DoubleVector first = Form::of(load_wide(x + i)...), second = Form::of(load_wide(x + i + w)...);
    store_wide(y + i, first);
    store_wide(y + i + w, second);
  }
  for (; i + w <= n; i += w) store_wide(y + i, Form::of(load_wide(x + i)...));
  if (i < n) store_wide(y + i, Form::of(load_wide(x + i, n - i)...), n - i);
}

}  // namespace pyflame::cpu::PYFLAME_TIER
