// The error function of double, its complement and its inverse, within 4 ulp of the true value. Beyond 1 they follow from
// exp(-a^2) times a polynomial, which without FMA hardware would lose the low bits of a^2: there the library is asked.
#pragma once
#include "cpu/simd/math.h"
#include "cpu/special.h"

namespace pyflame::cpu::PYFLAME_TIER {

#if defined(__FMA__) || defined(__aarch64__)

// erf(a) for 0 <= a <= 1.
inline double erf_near(double a) {
  return a * polynomial(a * a, -7.7794569218311535e-10, 1.3710974567312202e-8, -1.6206312501557555e-7,
                        1.6447131419811136e-6, -1.4924712290816286e-5, 0.00012055293576377275, -0.00085483259292991061,
                        0.0052239776061182013, -0.026866170643111441, 0.11283791670944185, -0.3761263890318352,
                        1.1283791670955126);
}

// erfc(a) for 0 <= a: (1 + 2 a) exp(a^2) erfc(a) is nearly flat in q.
inline double erfc_far(double a) {
  a = a > 27.3 ? 27.3 : a;  // erfc(27.3) rounds to 0
  double square = a * a, lost = fma(a, a, -square), q = (a - 4.0) / (a + 4.0);
  double p = polynomial(q, -1.8002009869860413e-9, -1.3650071445317314e-8, -7.8419911762842594e-9, 1.15160471758094e-7,
                        6.2888399666176244e-8, -8.3476624455653326e-7, 3.0127301795711598e-7, 5.7174985605275619e-6,
                        -1.12248212577859e-5, -2.4402953846477617e-5, 0.00015062229005888806, -0.00019925557955598728,
                        -0.00075777336139833021, 0.0050319697706128083, -0.016197734054725737, 0.037167515560701411,
                        -0.06633036581203833, 0.093732834996914486, -0.10103906603632359, 0.068097054254733548,
                        0.015379652102620141, -0.13962111684056286, 1.2329951186255525);
  double y = vexp(-square) * (p / fma(2.0, a, 1.0));
  return fma(-lost, y, y);
}

inline double verf(double x) {
  double a = abs_bits(x);
  return with_sign_of(a < 1.0 ? erf_near(a) : 1.0 - erfc_far(a), x);
}

inline double verfc(double x) {
  double a = abs_bits(x), far = erfc_far(a);
  return a < 0.5 ? 1.0 - with_sign_of(erf_near(a), x) : x < 0.0 ? 2.0 - far : far;
}

// Minimax fits in w = -log(1 - x^2), or in its root, and a step of Halley's method.
inline double verfinv(double x) {
  double a = abs_bits(x), w = -vlog((1.0 - a) * (1.0 + a)), root = std::sqrt(w);
  double near = polynomial(w, 3.3551696120072222e-10, -1.7160745070396471e-8, 3.0979021892134602e-7,
                           -2.4978389184137168e-6, 5.8354690388844365e-6, 4.0487148122669634e-5,
                           -0.00012200310068452703, -0.0023385402530087277, 0.011550335406720065, 0.23201355602441109,
                           0.88622692745147382);
  double far = polynomial(root, -2.9219193373485547e-5, 0.0010369156887548236, -0.016440964345596282,
                          0.15317288915563019, -0.92673850804452403, 3.7932929790234069, -10.587239152708557,
                          19.736871367777681, -23.173214211794284, 16.000588449736035, -3.9210266047365643);
  double outer = polynomial(root, 4.8518926804660638e-6, -0.00016745835642703421, 0.0024429046490823301,
                            -0.019336941117005453, 0.087316161611020461, 0.79829128851687684, 0.013344691327679699);
  double y = a * (w < 5.0 ? near : w < 16.0 ? far : outer);
  double error = a > 0.5 ? (1.0 - a) - erfc_far(y) : erf_near(y) - a;  // 1 - a is exact beyond 1/2
  double newton = error * 0.886226925452758 * vexp(y * y);            // sqrt(pi) / 2
  double better = y - newton / fma(y, newton, 1.0);
  return with_sign_of(a == 1.0 ? infinity<double>() : better, x);
}

#else

inline double verf(double x) { return std::erf(x); }
inline double verfc(double x) { return std::erfc(x); }
inline double verfinv(double x) { return special_erfinv(x); }

#endif

}  // namespace pyflame::cpu::PYFLAME_TIER
