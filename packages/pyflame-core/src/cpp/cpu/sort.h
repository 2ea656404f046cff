// Ordering along one dimension: equal elements keep their order, -0 equals 0, NaN is larger than everything.
// `in` any strides and rank above 0; results contiguous; indices int64.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

void sort(const View& in, int dim, bool descending, const View& values, const View& indices);
// The first k of the sorted order, k being the results' size along dim; without `sorted` in any order.
void topk(const View& in, int dim, bool largest, bool sorted, const View& values, const View& indices);

// One element of each line; the results lack `dim`. Lines are not empty.
enum class Pick : u8 {
  kNth,        // the element at position n of the sorted order
  kMedian,     // the lower middle one; the first NaN where there is one
  kNanMedian,  // the lower middle one of those that are not NaN
  kMode,       // the most frequent one, the smallest of several; its last place
};
void pick(Pick which, i64 n, const View& in, int dim, const View& values, const View& indices);

}  // namespace pyflame::cpu
