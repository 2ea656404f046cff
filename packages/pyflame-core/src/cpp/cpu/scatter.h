// Writing where an index says; index values are checked as in cpu/index.h.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

enum class ScatterOp : u8 { kWrite, kProd, kMax, kMin };

// out = base (copied first), then for each element of src in order: the indexed element becomes the source's (kWrite),
// or its product with it, or the larger or smaller of both, where NaN wins.
void scatter(ScatterOp op, const View& base, int dim, const View& index, const View& src, const View& out);

}  // namespace pyflame::cpu
