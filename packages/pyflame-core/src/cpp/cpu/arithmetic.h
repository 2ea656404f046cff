// Sizes of blocks and numbers of them.
#pragma once
#include "base/dtype.h"

namespace pyflame::cpu {

inline i64 least(i64 a, i64 b) { return a < b ? a : b; }
inline i64 most(i64 a, i64 b) { return a > b ? a : b; }
inline i64 ceil_div(i64 a, i64 b) { return (a + b - 1) / b; }

}  // namespace pyflame::cpu
