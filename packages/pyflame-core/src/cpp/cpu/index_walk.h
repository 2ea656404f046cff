// Steps through an indexed operation run by run: a run is one stretch along the last dimension.
#pragma once
#include "cpu/threads.h"
#include "cpu/view.h"

namespace pyflame::cpu {

// `big` is the side addressed through the index (along `dim`, whose stride is `dim_stride` and whose size is `size`),
// `small` the side of the index's shape.
struct IndexWalk {
  const char* op;
  int dim;             // as the caller counts, for messages
  i64 size, dim_stride;
  bool wraps;          // negative values count from the end
  bool along_last;     // the last dimension is `dim`
  Shape shape;         // of the index, neighbours merged where all three step evenly
  Shape big, index, small;  // strides; big's is 0 along dim

  IndexWalk(const char* op, const View& big, int dim, const View& index, const View& small, bool wraps);

  i64 run() const { return shape[shape.ndim - 1]; }
  i64 runs() const;
  i64 big_step() const { return big[shape.ndim - 1]; }
  i64 index_step() const { return index[shape.ndim - 1]; }
  i64 small_step() const { return small[shape.ndim - 1]; }

  // The position in `big` of an index value. Throws IndexError when it is out of range.
  i64 checked(i64 value) const {
    i64 at = wraps && value < 0 ? value + size : value;
    if (static_cast<u64>(at) >= static_cast<u64>(size)) out_of_range(value);
    return at * dim_stride;
  }
  [[noreturn]] void out_of_range(i64 value) const;

  // body(big offset, index offset, small offset) for runs [begin, end).
  template <class Body>
  void each_run(i64 begin, i64 end, Body&& body) const {
    const int outer = shape.ndim - 1;
    i64 at[kMaxDims], offsets[3] = {0, 0, 0};
    i64 rest = begin;
    for (int d = outer; d-- > 0;) {
      at[d] = rest % shape[d];
      rest /= shape[d];
      offsets[0] += at[d] * big[d], offsets[1] += at[d] * index[d], offsets[2] += at[d] * small[d];
    }
    for (i64 i = begin; i < end; ++i) {
      body(offsets[0], offsets[1], offsets[2]);
      for (int d = outer; d-- > 0;) {
        offsets[0] += big[d], offsets[1] += index[d], offsets[2] += small[d];
        if (++at[d] < shape[d]) break;
        at[d] = 0;
        offsets[0] -= big[d] * shape[d], offsets[1] -= index[d] * shape[d], offsets[2] -= small[d] * shape[d];
      }
    }
  }
};

constexpr i64 kThreadedElements = 64 * 1024;  // fewer are moved or added by one thread

View narrow(const View& view, int dim, i64 begin, i64 end);

// Calls body(index, src, out) for parts of a scatter along `dim`, possibly in parallel. What goes to one place keeps its
// order: work is split along another dimension.
template <class Body>
void in_parts(int dim, const View& index, const View& src, const View& out, Body&& body) {
  if (index.numel() == 0) return;
  int split = -1;
  for (int d = 0; d < index.shape.ndim; ++d) {
    if (d != dim && (split < 0 || index.shape[d] > index.shape[split])) split = d;
  }
  if (split < 0 || index.numel() < kThreadedElements) return body(index, src, out);
  i64 extent = index.shape[split], grain = (extent + 7) / 8;
  if (split == index.shape.ndim - 1 && grain < 64) grain = 64;  // whole cache lines
  parallel_for(extent, grain, [&](i64 begin, i64 end) {
    body(narrow(index, split, begin, end), narrow(src, split, begin, end), narrow(out, split, begin, end));
  });
}

// A 1-d index as if it had `like`'s shape, with its values along dim.
View spread_index(const View& index, const Shape& like, int dim);

}  // namespace pyflame::cpu
