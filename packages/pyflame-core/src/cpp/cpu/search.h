// Binary search in sorted lines.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

// For each value the number of elements of its sorted line that are smaller (right: or equal); NaN is the largest.
// `sorted` is one line, or as many as `values` has, each along the last dimension. All are contiguous.
void searchsorted(const View& sorted, const View& values, bool right, const View& out);

}  // namespace pyflame::cpu
