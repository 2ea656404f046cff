#include "cpu/special.h"

#include <cmath>
#include <limits>

namespace pyflame::cpu {

namespace {

constexpr double kPi = 3.141592653589793, kInfinity = std::numeric_limits<double>::infinity(),
                 kNaN = std::numeric_limits<double>::quiet_NaN();
// B(2j) / (2j)!, the coefficients of the Euler-Maclaurin summation.
constexpr double kBernoulli[] = {1.0 / 12,          -1.0 / 720,           1.0 / 30240,
                                 -1.0 / 1209600,    1.0 / 47900160,       -5.284190138687493e-10,
                                 1.3382536530684679e-11, -3.3896802963225829e-13};

// Euler-Maclaurin (DLMF 25.11.5) for q > 0: terms up to q + k = 12, the integral of the rest and its corrections.
double zeta_positive(double s, double q) {
  double sum = 0;
  for (; q < 12; q += 1) sum += std::pow(q, -s);
  double power = std::pow(q, -s);
  sum += power * (q / (s - 1) + 0.5);
  double rising = s, scaled = power / q;
  for (int j = 0; j < 8; ++j) {
    sum += kBernoulli[j] * rising * scaled;
    rising *= (s + 2 * j + 1) * (s + 2 * j + 2);
    scaled /= q * q;
  }
  return sum;
}

}  // namespace

// Winitzki's closed form (2008), within 0.3 %, and two steps of Halley's method.
double special_erfinv(double x) {
  double a = std::fabs(x);
  if (!(a < 1)) return a == 1 ? x * kInfinity : kNaN;
  if (a < 1e-8) return x * 0.886226925452758;  // sqrt(pi) / 2
  constexpr double k = 0.147;
  double scaled = -std::log1p(-a * a) / k, half = 2 / (kPi * k) - scaled * k / 2;
  if (a > 0.5) {
    scaled = -std::log((1 - a) * (1 + a)) / k;
    half = 2 / (kPi * k) - scaled * k / 2;
  }
  double y = std::sqrt(scaled / (std::sqrt(half * half + scaled) + half));
  for (int step = 0; step < 2; ++step) {
    double error = a > 0.5 ? (1 - a) - std::erfc(y) : std::erf(y) - a;  // 1 - a is exact beyond 1/2
    double newton = error * 0.886226925452758 * std::exp(y * y);
    y -= newton / (1 + y * newton);
  }
  return std::copysign(y, x);
}

double special_lgamma(double x) {
#if defined(__unix__) || defined(__APPLE__)
  int sign;  // std::lgamma writes a global, which threads would race for
  return ::lgamma_r(x, &sign);
#else
  return std::lgamma(x);
#endif
}

// Reflection, recurrence up to 12 and the asymptotic series (DLMF 5.5.4, 5.5.2, 5.11.2).
double special_digamma(double x) {
  if (x == 0) return std::copysign(kInfinity, -x);
  double result = 0;
  if (x < 0) {
    double fraction = x - std::nearbyint(x);  // exact near 0 too
    if (fraction == 0) return kNaN;
    result = -kPi / std::tan(kPi * fraction);
    x = 1 - x;
  }
  for (; x < 12; x += 1) result -= 1 / x;
  double z = 1 / (x * x);
  double tail = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z / 12))))));
  return result + std::log(x) - 0.5 / x - (x < kInfinity ? tail : 0);
}

double special_zeta(double s, double q) {
  if (s == 1) return kInfinity;
  if (!(s > 1) || q != q) return kNaN;
  if (q > 0) return zeta_positive(s, q);
  if (q == std::floor(q)) return kInfinity;
  if (s != std::floor(s)) return kNaN;  // powers of negative numbers
  // The terms below zero run from 1 - p to -q in steps of one, p being the first positive one.
  double p = q - std::floor(q), below = zeta_positive(s, 1 - p) - zeta_positive(s, 1 - q);
  return zeta_positive(s, p) + (std::fmod(s, 2) == 0 ? below : -below);
}

}  // namespace pyflame::cpu
