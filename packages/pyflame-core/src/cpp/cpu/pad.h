// Placing a tensor among zeros.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

// out = zeros but for `in`, whose first element comes to `starts`, one number for each dimension. Both are contiguous.
void place_among_zeros(const View& in, const i64* starts, const View& out);

}  // namespace pyflame::cpu
