// Special functions without a vector form: one compiled copy, in double for every dtype.
#pragma once

namespace pyflame::cpu {

double special_erfinv(double x);
double special_lgamma(double x);
double special_digamma(double x);
double special_zeta(double s, double q);  // Hurwitz: the sum of (q + k)^-s over k = 0, 1, ...

}  // namespace pyflame::cpu
