#include "cpu/reduce.h"

#include <vector>

#include "cpu/axes.h"
#include "cpu/elementwise_table.h"
#include "cpu/strided.h"
#include "cpu/threads.h"
#include "cpu/tile_fold.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kColumns = 512;
constexpr i64 kMinColumns = 8;  // fewer are gathered one by one

// One reduction: every result, or row of up to kColumns results, is a task that folds the same reduced index range.
class Reduction {
 public:
  Reduction(ReduceOp op, const View& in, u32 mask, const View& out) : in_(in), fold_(op, in.dtype, out) {
    load_ = active_convert_table().load[static_cast<int>(in.dtype)];
    native_ = is_native(in.dtype) && !fold_.casts();
    width_ = class_size(class_of(in.dtype));
    size_ = dtype_size(in.dtype);
    AxisList reduced;
    split_axes(in, mask, kept_, reduced);
    choose_axes(reduced);
  }

  void run() {
    i64 results = kept_.numel() * column_.size;
    if (results == 0) return;
    tasks_ = kept_.numel() * column_tiles();
    i64 columns = column_.size < kColumns ? column_.size : kColumns;
    i64 total = results * length_;
    if (total <= kSerialFold) return run_tasks(0, tasks_);
    if (tasks_ >= 8 || length_ * columns <= kFoldPart) {
      i64 grain = kSerialFold / (length_ * columns);
      parallel_for(tasks_, grain < 1 ? 1 : grain, [this](i64 begin, i64 end) { run_tasks(begin, end); });
    } else {
      for (i64 task = 0; task < tasks_; ++task) run_split(task);
    }
  }

 private:
  void choose_axes(AxisList& reduced) {
    if (reduced.count == 0) reduced.push({1, 1, 0});
    length_ = reduced.numel();
    Axis run = reduced.take(reduced.smallest_stride());
    if (kept_.count > 0) {
      int best = kept_.smallest_stride();
      const Axis& axis = kept_.axes[best];
      if (axis.size >= kMinColumns && (axis.stride < run.stride || run.size == 1)) column_ = kept_.take(best);
    }
    rows_.ndim = 0;
    for (int i = 0; i < reduced.count; ++i) push_row_axis(reduced.axes[i]);
    push_row_axis(run);
    direct_ = native_ && (column_.size > 1 ? column_.stride == 1 : run.stride == 1 || run.size == 1);
  }

  void push_row_axis(const Axis& axis) {
    rows_.size[rows_.ndim] = axis.size;
    rows_.stride[rows_.ndim++] = axis.stride;
  }

  i64 column_tiles() const { return (column_.size + kColumns - 1) / kColumns; }

  struct Task {
    const char* in;
    i64 out, columns;
  };
  Task task_at(i64 index) const {
    i64 tiles = column_tiles(), first = index % tiles * kColumns;
    AxisList::Place place = kept_.at(index / tiles);
    i64 columns = column_.size - first < kColumns ? column_.size - first : kColumns;
    return {static_cast<const char*>(in_.data) + (place.in + first * column_.stride) * size_,
            place.out + first * column_.out_stride, columns};
  }

  void run_tasks(i64 begin, i64 end) const {
    Accumulator acc[kColumns];
    for (i64 index = begin; index < end; ++index) {
      Task task = task_at(index);
      fold_range(acc, task, 0, length_);
      finish(acc, task);
    }
  }

  void run_split(i64 index) const {
    Task task = task_at(index);
    i64 per_part = kFoldPart / task.columns, parts = (length_ + per_part - 1) / per_part;
    std::vector<Accumulator> partial(static_cast<std::size_t>(parts * task.columns));
    parallel_for(parts, 1, [&](i64 begin, i64 end) {
      for (i64 part = begin; part < end; ++part) {
        i64 first = part * per_part, last = first + per_part < length_ ? first + per_part : length_;
        fold_range(&partial[static_cast<std::size_t>(part * task.columns)], task, first, last);
      }
    });
    for (i64 part = 1; part < parts; ++part) {
      fold_.kernels().merge(partial.data(), &partial[static_cast<std::size_t>(part * task.columns)], task.columns);
    }
    finish(partial.data(), task);
  }

  void fold_range(Accumulator* acc, const Task& task, i64 begin, i64 end) const {
    for (i64 j = 0; j < task.columns; ++j) acc[j] = fold_.kernels().start;
    if (column_.size > 1) {
      for_each_row(rows_, begin, end, [&](i64 offset, i64 stride, i64 count) {
        fold_rows(acc, task, task.in + offset * size_, stride, count);
      });
    } else if (direct_) {
      for_each_row(rows_, begin, end,
                   [&](i64 offset, i64, i64 count) { fold_.kernels().fold(acc, task.in + offset * size_, count); });
    } else {
      fold_gathered(acc, task.in, begin, end);
    }
  }

  void fold_rows(Accumulator* acc, const Task& task, const char* from, i64 stride, i64 count) const {
    if (direct_) return fold_.kernels().fold_rows(acc, from, stride, count, task.columns);
    alignas(64) char tile[kTile * 8], other[kTile * 8];
    for (i64 r = 0; r < count; ++r) {
      load_(tile, from + r * stride * size_, column_.stride, task.columns);
      fold_.kernels().fold_rows(acc, fold_.converted(tile, other, task.columns), 0, 1, task.columns);
    }
  }

  void fold_gathered(Accumulator* acc, const char* from, i64 begin, i64 end) const {
    alignas(64) char tile[kTile * 8];
    for (i64 first = begin; first < end; first += kTile) {
      i64 last = first + kTile < end ? first + kTile : end;
      char* to = tile;
      for_each_row(rows_, first, last, [&](i64 offset, i64 stride, i64 count) {
        load_(to, from + offset * size_, stride, count);
        to += count * width_;
      });
      fold_.add(acc, tile, last - first);
    }
  }

  void finish(const Accumulator* acc, const Task& task) const {
    for (i64 j = 0; j < task.columns; ++j) fold_.store(acc[j], task.out + j * column_.out_stride, length_);
  }

  const View& in_;
  const TileFold fold_;
  bool native_, direct_ = false;
  void (*load_)(void*, const void*, i64, i64);
  i64 width_, size_, length_ = 1, tasks_ = 0;
  AxisList kept_;               // without column_
  Axis column_{1, 0, 0};
  StridedDims rows_;            // the reduced dimensions, the one with the smallest stride last
};

}  // namespace

void reduce(ReduceOp op, const View& in, u32 mask, const View& out) { Reduction(op, in, mask, out).run(); }

}  // namespace pyflame::cpu
