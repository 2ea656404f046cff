// Weighted sums of elements at places that an index names: T = sum of a[n][c][p] * weight[n][k][p] * x[n][c][index[n][k][p]].
// Each function is T's derivative by one of its factors. Float or double, contiguous; place -1 has a weight of nothing,
// others out of range throw IndexError.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

// By a: out (n, c, p).
void weighted_gather(const View& x, const View& index, const View& weight, const View& out);
// By x: out (n, c, s).
void weighted_scatter(const View& a, const View& index, const View& weight, const View& out);
// By weight: out (n, k, p).
void gathered_dot(const View& a, const View& x, const View& index, const View& out);

}  // namespace pyflame::cpu
