#include "cpu/axes.h"
#include "cpu/elementwise.h"
#include "cpu/elementwise_table.h"
#include "cpu/reduce.h"
#include "cpu/reduce_table.h"
#include "cpu/threads.h"

#include <vector>

namespace pyflame::cpu {

namespace {

constexpr i64 kColumns = 512;
constexpr i64 kMinColumns = 8;

class ArgReduction {
 public:
  ArgReduction(bool largest, const View& in, int dim, const View& out)
      : largest_(largest), in_(in), out_(out.as<i64>()), class_(class_of(in.dtype)) {
    const ReduceTable& table = active_reduce_table();
    fold_ = &table.of(largest ? ReduceOp::kMax : ReduceOp::kMin, class_);
    find_ = table.find[class_];
    arg_rows_ = table.arg_rows[largest][class_];
    load_ = active_convert_table().load[static_cast<int>(in.dtype)];
    size_ = dtype_size(in.dtype);
    AxisList reduced;
    split_axes(in, u32{1} << dim, kept_, reduced);
    if (reduced.count == 1) line_ = reduced.axes[0];
    if (kept_.count == 0) return;
    int best = kept_.smallest_stride();
    const Axis& axis = kept_.axes[best];
    if (axis.size >= kMinColumns && axis.stride < line_.stride) column_ = kept_.take(best);
  }

  void run() const {
    i64 tiles = (column_.size + kColumns - 1) / kColumns, tasks = kept_.numel() * tiles;
    i64 columns = column_.size < kColumns ? column_.size : kColumns;
    i64 grain = 32 * 1024 / (line_.size * columns + 1);
    parallel_for(tasks, grain < 1 ? 1 : grain, [&](i64 begin, i64 end) {
      for (i64 task = begin; task < end; ++task) {
        AxisList::Place place = kept_.at(task / tiles);
        i64 first = task % tiles * kColumns;
        const char* from = static_cast<const char*>(in_.data) + (place.in + first * column_.stride) * size_;
        i64* to = out_ + place.out + first * column_.out_stride;
        if (column_.size == 1) {
          *to = along_line(from);
        } else {
          along_rows(from, to, column_.size - first < kColumns ? column_.size - first : kColumns);
        }
      }
    });
  }

 private:
  // Is a better than b, where NaN beats everything?
  bool better(Accumulator a, Accumulator b) const {
    if (class_ < kClassFloat) return largest_ ? a.integer > b.integer : a.integer < b.integer;
    if (b.real != b.real) return false;
    return a.real != a.real || (largest_ ? a.real > b.real : a.real < b.real);
  }

  i64 along_line(const char* from) const {
    alignas(64) char tile[kTile * 8];
    bool direct = is_native(in_.dtype) && line_.stride == 1;
    Accumulator best = fold_->start;
    i64 index = 0;
    for (i64 first = 0; first < line_.size; first += kTile) {
      i64 count = line_.size - first < kTile ? line_.size - first : kTile;
      const char* piece = from + first * line_.stride * size_;
      if (!direct) {
        load_(tile, piece, line_.stride, count);
        piece = tile;
      }
      Accumulator here = fold_->start;
      fold_->fold(&here, piece, count);
      if (!better(here, best)) continue;
      best = here;
      index = first + find_(piece, count, here);
    }
    return index;
  }

  void along_rows(const char* from, i64* to, i64 columns) const {
    alignas(64) char tile[kColumns * 8], best[kColumns * 8];
    i64 index[kColumns];
    bool direct = is_native(in_.dtype) && column_.stride == 1;
    for (i64 row = 0; row < line_.size; ++row) {
      const char* values = from + row * line_.stride * size_;
      if (!direct) {
        load_(tile, values, column_.stride, columns);
        values = tile;
      }
      arg_rows_(best, index, values, row, columns);
    }
    for (i64 j = 0; j < columns; ++j) to[j * column_.out_stride] = index[j];
  }

  bool largest_;
  const View& in_;
  i64* out_;
  TileClass class_;
  const FoldKernels* fold_;
  i64 (*find_)(const void*, i64, Accumulator);
  void (*arg_rows_)(void*, i64*, const void*, i64, i64);
  void (*load_)(void*, const void*, i64, i64);
  i64 size_;
  AxisList kept_;
  Axis line_{1, 1, 0}, column_{1, 0, 0};
};

void arg_flattened(bool largest, const View& in, const View& out) {
  i64 n = in.numel();
  View flat{in.data, in.dtype, Shape{n}, Shape{1}};
  std::vector<char> copy;
  if (!in.contiguous()) {
    copy.resize(static_cast<std::size_t>(n * dtype_size(in.dtype)));
    flat.data = copy.data();
    copy_strided(in, View{copy.data(), in.dtype, in.shape, contiguous_strides(in.shape)});
  }
  ArgReduction(largest, flat, 0, out).run();
}

}  // namespace

void arg_reduce(bool largest, const View& in, int dim, const View& out) {
  if (out.numel() == 0) return;
  if (dim < 0 || in.shape.ndim == 0) return arg_flattened(largest, in, out);
  ArgReduction(largest, in, dim, out).run();
}

}  // namespace pyflame::cpu
