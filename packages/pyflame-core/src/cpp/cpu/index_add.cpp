#include <vector>

#include "cpu/arithmetic.h"
#include "cpu/elementwise.h"
#include "cpu/index.h"
#include "cpu/index_add_kernels.h"
#include "cpu/index_take_kernels.h"
#include "cpu/index_walk.h"

namespace pyflame::cpu {

namespace {

void add_runs(const IndexWalk& walk, const View& index, const View& src, const View& out) {
  auto add = active_index_add_kernels().add[static_cast<int>(out.dtype)];
  auto within = active_index_take_kernels().within;
  const i64 size = dtype_size(out.dtype);
  AddRun run{walk.run(),       nullptr, walk.big_step(),  nullptr,    walk.small_step(), nullptr,
             walk.index_step(), walk.dim_stride, walk.size, walk.wraps};
  walk.each_run(0, walk.runs(), [&](i64 out_at, i64 index_at, i64 src_at) {
    const i64* at = index.as<i64>() + index_at;
    run.src = src.as<char>() + src_at * size;
    if (run.index_step == 0 && !walk.along_last) {
      run.out = out.as<char>() + (out_at + walk.checked(*at)) * size;
    } else {
      const bool plain = run.index_step == 1 && within(at, run.n, walk.size);
      for (i64 j = 0; !plain && j < run.n; ++j) walk.checked(at[j * run.index_step]);
      run.wraps = walk.wraps && !plain;
      run.out = out.as<char>() + out_at * size;
      run.index = at;
    }
    add(run);
  });
}

i64 row_elements(const View& view) { return view.shape.ndim ? view.numel() / most(view.shape[0], 1) : 1; }

// Where the rows of a contiguous tensor begin that an index names, in elements.
std::vector<i64> row_starts(const char* op, const View& index, const View& view) {
  std::vector<i64> starts(static_cast<std::size_t>(index.numel()));
  const IndexWalk check(op, view, 0, spread_index(index, view.shape, 0), view, true);
  for (i64 i = 0; i < index.numel(); ++i) {
    starts[static_cast<std::size_t>(i)] = check.checked(index.as<i64>()[i * index.strides[0]]);
  }
  return starts;
}

void add_indexed(const char* op, const View& base, int dim, const View& index, const View& src, const View& out,
                 bool wraps) {
  if (base.data != out.data) copy_strided(base, out);
  in_parts(dim, index, src, out, [&](const View& index_part, const View& src_part, const View& out_part) {
    add_runs(IndexWalk(op, out_part, dim, index_part, src_part, wraps), index_part, src_part, out_part);
  });
}

}  // namespace

void scatter_add(const View& base, int dim, const View& index, const View& src, const View& out) {
  add_indexed("scatter_add", base, dim, index, src, out, false);
}

void index_add(const View& base, int dim, const View& index, const View& src, const View& out) {
  add_indexed("index_add", base, dim, spread_index(index, src.shape, dim), src, out, true);
}

void index_add_rows(const View& base, const View& index, const View& table, const View& rows, const View& out) {
  if (base.data != out.data) copy_strided(base, out);
  const i64 count = index.numel(), width = row_elements(out);
  const std::vector<i64> to = row_starts("index_add", index, out), from = row_starts("index_select", rows, table);
  const i64 size = dtype_size(out.dtype), grain = most(ceil_div(width, 8), 64);
  const auto add = active_index_add_kernels().add_rows[static_cast<int>(out.dtype)];
  parallel_for(width, count * width < kThreadedElements ? width : grain, [&](i64 begin, i64 end) {
    add({count, end - begin, out.as<char>() + begin * size, to.data(), table.as<char>() + begin * size, from.data()});
  });
}

}  // namespace pyflame::cpu
