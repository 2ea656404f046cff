// The logarithm of the gamma function and its derivative for floats: the recurrence from below 8 to 8 and more, the
// asymptotic series there (DLMF 5.5.1, 5.11.1, 5.11.2), and reflection for negative arguments. Near their zeros sums of
// ten cancel to 1e-7, so double is used to its last bits.
#pragma once
#include "cpu/simd/full_math.h"

namespace pyflame::cpu::PYFLAME_TIER {

// sin(pi d) for 0 <= d <= 1/2.
inline DoubleVector sin_pi(DoubleVector d) {
  return d * wide_polynomial(d * d, -2.1122952626464541e-5, 0.00046597761676732389, -0.0073703610716184802,
                             0.082145878256546586, -0.59926452877570975, 2.5501640398597763, -5.1677127800497526,
                             3.1415926535897928);
}

// How far x is from a whole number, with its sign; floats of 2^23 and more are whole.
inline DoubleVector from_whole(DoubleVector x) {
  constexpr double kMagic = FloatBits<double>::kMagic;
  DoubleVector inner = wide_clamp(x, -0x1p23, 0x1p23);
  return inner - ((inner + kMagic) - kMagic);
}

inline DoubleVector lgamma_of_positive(DoubleVector x) {
  LongVector small = x < 8.0;
  DoubleVector z = small ? x + 8.0 : x, product = x * (x + 1.0);
  for (int k = 2; k < 8; ++k) product *= x + static_cast<double>(k);
  DoubleVector inverse = 1.0 / z;
  DoubleVector series = inverse * wide_polynomial(inverse * inverse, 1.0 / 156, -691.0 / 360360, 1.0 / 1188,
                                                  -1.0 / 1680, 1.0 / 1260, -1.0 / 360, 1.0 / 12);
  DoubleVector y = (z - 0.5) * full_log(z) - z + 0.9189385332046727 + series;  // log(2 pi) / 2
  y = small ? y - full_log(small ? product : broadcast(1.0)) : y;
  // The zeros at 1 and 2, which are positive ones.
  DoubleVector from_one = x - 1.0, from_two = x - 2.0;
  DoubleVector one = wide_polynomial(from_one, 0.12618014860527473, -0.14492352117172815, 0.16955604318136339,
                                     -0.20738341528283719, 0.27058080839220273, -0.40068563605595458,
                                     0.82246703342468056, -0.57721566490132906);
  DoubleVector two = wide_polynomial(from_two, -0.0011954800093912674, 0.002893997373480535, -0.0073855410192797122,
                                     0.020580801616235233, -0.067352301064947287, 0.32246703342743864,
                                     0.42278433509846937);
  y = wide_magnitude(from_one) < 0.0625 ? from_one * one + 0.0 : wide_magnitude(from_two) < 0.0625 ? from_two * two : y;
  return x == infinity<double>() ? x : y;
}

inline DoubleVector wide_lgamma(DoubleVector x) {
  LongVector negative = x < 0.0;
  if (!any_lane(negative)) return lgamma_of_positive(wide_magnitude(x));
  DoubleVector y = lgamma_of_positive(negative ? 1.0 - x : wide_magnitude(x));
  DoubleVector reflected = 1.1447298858494002 - full_log(sin_pi(wide_magnitude(from_whole(x)))) - y;  // log(pi)
  y = negative ? reflected : y;
  return x == -infinity<double>() ? -x : y;
}

inline DoubleVector digamma_of_positive(DoubleVector x) {
  LongVector small = x < 8.0;
  // The sum of 1 / (x + k) for k < 8 as one quotient.
  DoubleVector above = broadcast(1.0), below = x;
  for (int k = 1; k < 8; ++k) {
    DoubleVector next = x + static_cast<double>(k);
    above = fma(above, next, below);
    below *= next;
  }
  DoubleVector z = small ? x + 8.0 : x, inverse = 1.0 / z, square = inverse * inverse;
  DoubleVector series = square * wide_polynomial(square, 1.0 / 12, -691.0 / 32760, 1.0 / 132, -1.0 / 240, 1.0 / 252,
                                                 -1.0 / 120, 1.0 / 12);
  DoubleVector y = full_log(z) - 0.5 * inverse - series;
  return small ? y - above / below : y;
}

inline DoubleVector wide_digamma(DoubleVector x) {
  LongVector negative = x < 0.0;
  DoubleVector y = digamma_of_positive(negative ? 1.0 - x : wide_magnitude(x));
  if (any_lane(negative)) {
    DoubleVector d = from_whole(x), a = wide_magnitude(d);
    DoubleVector cotangent = wide_sign(sin_pi(0.5 - a) / sin_pi(a), d);
    DoubleVector pole = (a == 0.0) | (x == -infinity<double>()) ? broadcast(quiet_nan<double>()) : cotangent;
    y = negative ? y - 3.141592653589793 * pole : y;
  }
  return x == 0.0 ? wide_sign(broadcast(infinity<double>()), -x) : y;
}

}  // namespace pyflame::cpu::PYFLAME_TIER
