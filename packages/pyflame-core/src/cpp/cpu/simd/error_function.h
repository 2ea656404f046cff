// The error function of double, its complement and its inverse, within 4 ulp of the true value. Beyond 1 they follow from
// exp(-a^2) times a polynomial, which without FMA hardware would lose the low bits of a^2: there the library is asked.
#pragma once
#include "cpu/simd/full_math.h"
#include "cpu/special.h"

namespace pyflame::cpu::PYFLAME_TIER {

#if defined(__FMA__) || defined(__aarch64__)

// erf(a) for 0 <= a <= 1.
inline DoubleVector erf_near(DoubleVector a) {
  return a * wide_polynomial(a * a, -7.7794569218311535e-10, 1.3710974567312202e-8, -1.6206312501557555e-7,
                             1.6447131419811136e-6, -1.4924712290816286e-5, 0.00012055293576377275,
                             -0.00085483259292991061, 0.0052239776061182013, -0.026866170643111441,
                             0.11283791670944185, -0.3761263890318352, 1.1283791670955126);
}

// erf(a) for 1 <= a, where exp(a^2) erfc(a) counts for little.
inline DoubleVector erf_far(DoubleVector a) {
  a = wide_clamp(a, 0.0, 5.95);  // erf(5.93) rounds to 1
  DoubleVector t = fma(full_reciprocal(a + 3.0), broadcast(-4.75), broadcast(1.0));
  DoubleVector p = wide_polynomial(t, 0.00020071243668007475, 0.0006096283692385849, -0.0011187591133321709,
                                   -0.003155808063438569, 0.009881825747375084, 0.007343029786391747,
                                   -0.0948306573680368, 0.27378336366043626, -0.4914492610174556, 0.6360292626462052,
                                   -0.6221376411938132, 0.28497223473743627);
  return fma(-full_exp(-a * a), p, broadcast(1.0));
}

// erfc(a) for 0 <= a: (1 + 2 a) exp(a^2) erfc(a) is nearly flat in q.
inline DoubleVector erfc_far(DoubleVector a) {
  LongVector beyond = a > 27.3;  // erfc(27.3) rounds to 0
  a = beyond ? broadcast(1.0) : a;
  DoubleVector square = a * a, lost = fma(a, a, -square), q = (a - 4.0) / (a + 4.0);
  DoubleVector p = full_polynomial(
      q, -1.8002009869860413e-9, -1.3650071445317314e-8, -7.8419911762842594e-9, 1.15160471758094e-7,
      6.2888399666176244e-8, -8.3476624455653326e-7, 3.0127301795711598e-7, 5.7174985605275619e-6, -1.12248212577859e-5,
      -2.4402953846477617e-5, 0.00015062229005888806, -0.00019925557955598728, -0.00075777336139833021,
      0.0050319697706128083, -0.016197734054725737, 0.037167515560701411, -0.06633036581203833, 0.093732834996914486,
      -0.10103906603632359, 0.068097054254733548, 0.015379652102620141, -0.13962111684056286, 1.2329951186255525);
  DoubleVector y = full_exp(-square) * (p / fma(a, broadcast(2.0), broadcast(1.0)));
  return beyond ? DoubleVector{} : fma(-lost, y, y);
}

inline DoubleVector double_erf(DoubleVector x) {
  DoubleVector a = wide_magnitude(x);
  return wide_sign(a < 1.0 ? erf_near(a) : erf_far(a), x);
}

inline DoubleVector double_erfc(DoubleVector x) {
  DoubleVector a = wide_magnitude(x), far = erfc_far(a);
  return a < 0.5 ? 1.0 - wide_sign(erf_near(a), x) : x < 0.0 ? 2.0 - far : far;
}

inline DoubleVector double_gelu(DoubleVector x) { return x * 0.5 * (double_erf(x * 0.7071067811865476) + 1.0); }

// |erfinv(x)| for |x| = a and w = -log(1 - x^2) >= 5: minimax fits in the root of w, and a step of Halley's method.
inline DoubleVector erfinv_far(DoubleVector a, DoubleVector w) {
  DoubleVector root = square_root(w);
  DoubleVector far = wide_polynomial(root, -2.9219193373485547e-5, 0.0010369156887548236, -0.016440964345596282,
                                     0.15317288915563019, -0.92673850804452403, 3.7932929790234069, -10.587239152708557,
                                     19.736871367777681, -23.173214211794284, 16.000588449736035, -3.9210266047365643);
  DoubleVector outer = wide_polynomial(root, 4.8518926804660638e-6, -0.00016745835642703421, 0.0024429046490823301,
                                       -0.019336941117005453, 0.087316161611020461, 0.79829128851687684,
                                       0.013344691327679699);
  DoubleVector y = a * (w < 16.0 ? far : outer);
  DoubleVector error = (1.0 - a) - erfc_far(y);                              // 1 - a is exact
  DoubleVector newton = error * 0.886226925452758 * full_exp(wide_clamp(y * y, 0.0, 40.0));  // sqrt(pi) / 2
  DoubleVector better = y - newton / fma(y, newton, broadcast(1.0));
  return a == 1.0 ? broadcast(infinity<double>()) : better;
}

// x times a polynomial (minimax fit) in w.
inline DoubleVector double_erfinv(DoubleVector x) {
  DoubleVector a = wide_magnitude(x), w = -full_log((1.0 - a) * (1.0 + a));
  DoubleVector y = a * wide_polynomial(w, 2.333960644141658e-18, -1.3806141900594704e-16, 3.691298527433189e-15,
                                       -5.830727852064363e-14, 5.93610371904063e-13, -3.9532370029603826e-12,
                                       1.655490128555393e-11, -4.202352147289556e-11, 1.2458879501572738e-10,
                                       -8.092170196999751e-10, 1.2045089921097987e-09, 2.2241654226555102e-08,
                                       -3.677612727742307e-08, -1.0129220563249945e-06, 2.020179701895648e-06,
                                       4.6611370564462306e-05, -0.00012804327723964652, -0.002335101644144009,
                                       0.011549342038470368, 0.2320136665346482, 0.886226925452758);
  LongVector far = w >= 5.0;
  if (any_lane(far)) y = far ? erfinv_far(a, w) : y;
  return wide_sign(y, x);
}

inline double verf(double x) { return double_erf(broadcast(x))[0]; }
inline double verfc(double x) { return double_erfc(broadcast(x))[0]; }
inline double verfinv(double x) { return double_erfinv(broadcast(x))[0]; }

#else

inline double verf(double x) { return std::erf(x); }
inline double verfc(double x) { return std::erfc(x); }
inline double verfinv(double x) { return special_erfinv(x); }

#endif

}  // namespace pyflame::cpu::PYFLAME_TIER
