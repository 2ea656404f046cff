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

}  // namespace pyflame::cpu
