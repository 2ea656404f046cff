// Gather and scatter along one dimension. Index values are checked: a bad one throws IndexError naming it.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

// out[i][j][k] = in[i][index[i][j][k]][k] for dim = 1; index int64 of out's shape, negative values refused.
void gather(const View& in, int dim, const View& index, const View& out);
// out = base (copied first) with src added at the indexed places, in order, so repeats accumulate the same way always.
void scatter_add(const View& base, int dim, const View& index, const View& src, const View& out);

// out = in taken along dim at a 1-d int64 index; negative values count from the end.
void index_select(const View& in, int dim, const View& index, const View& out);
// The same along dim at `index` and along the dimension after it at `next`. Contiguous.
void index_select_plane(const View& in, int dim, const View& index, const View& next, const View& out);
// out = zeros with grad's slices added along dim at index (the gradient of index_select).
void index_add(const View& base, int dim, const View& index, const View& src, const View& out);
// The same along dim 0 of rows of `table`, which is contiguous: row rows[i] is added to row index[i], in order.
void index_add_rows(const View& base, const View& index, const View& table, const View& rows, const View& out);

void arange(double start, double step, const View& out);           // floating dtypes: start + i * step
void arange_int(i64 start, i64 step, const View& out);              // integer dtypes
// 1 where column - row <= diagonal (lower) or >= diagonal (upper), else 0; applied to `in`'s last two dimensions.
void triangle(bool upper, i64 diagonal, const View& in, const View& out);

}  // namespace pyflame::cpu
