#include "cpu/index.h"

#include <cstring>
#include <vector>

#include "cpu/index_walk.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kThreadedElements = 64 * 1024;

// Moves need the element size only. `known`: indices are offsets, checked before.
template <bool known, class T>
void move_runs(const IndexWalk& walk, const T* in, const i64* index, T* out) {
  const i64 n = walk.run(), runs = walk.runs();
  const i64 in_step = walk.big_step(), index_step = walk.index_step(), out_step = walk.small_step();
  auto place = [&](i64 value) { return known ? value : walk.checked(value); };
  auto body = [&](i64 begin, i64 end) {
    walk.each_run(begin, end, [&](i64 in_at, i64 index_at, i64 out_at) {
      const i64* at = index + index_at;
      T* to = out + out_at;
      if (index_step == 0) {  // the whole run comes from one place
        const T* from = in + in_at + place(*at);
        if (in_step == 1 && out_step == 1) {
          std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
        } else {
          for (i64 j = 0; j < n; ++j) to[j * out_step] = from[j * in_step];
        }
      } else {
        const T* from = in + in_at;
        for (i64 j = 0; j < n; ++j) to[j * out_step] = from[j * in_step + place(at[j * index_step])];
      }
    });
  };
  parallel_for(runs, runs * n >= kThreadedElements ? kThreadedElements / 4 / n + 1 : runs, body);
}

template <bool known>
void move(const IndexWalk& walk, const View& in, const View& index, const View& out) {
  const i64* values = index.as<i64>();
  switch (dtype_size(in.dtype)) {
    case 1: return move_runs<known>(walk, in.as<u8>(), values, out.as<u8>());
    case 2: return move_runs<known>(walk, in.as<u16>(), values, out.as<u16>());
    case 4: return move_runs<known>(walk, in.as<u32>(), values, out.as<u32>());
    default: return move_runs<known>(walk, in.as<u64>(), values, out.as<u64>());
  }
}

}  // namespace

void gather(const View& in, int dim, const View& index, const View& out) {
  move<false>(IndexWalk("gather", in, dim, index, out, false), in, index, out);
}

void index_select(const View& in, int dim, const View& index, const View& out) {
  const View asked = spread_index(index, out.shape, dim);
  if (out.numel() == 0) return;
  std::vector<i64> offsets(static_cast<std::size_t>(index.numel()));
  const IndexWalk check("index_select", in, dim, asked, out, true);
  for (i64 i = 0; i < index.numel(); ++i) {
    offsets[static_cast<std::size_t>(i)] = check.checked(index.as<i64>()[i * (index.shape.ndim ? index.strides[0] : 0)]);
  }
  const View known{offsets.data(), index.dtype, index.shape, index.shape.ndim ? Shape{1} : Shape()};
  const View spread = spread_index(known, out.shape, dim);
  move<true>(IndexWalk("index_select", in, dim, spread, out, true), in, spread, out);
}

}  // namespace pyflame::cpu
