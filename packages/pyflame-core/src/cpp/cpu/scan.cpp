#include "cpu/scan.h"

#include <cmath>
#include <type_traits>

#include "cpu/elementwise_table.h"
#include "cpu/scan_kernels.h"
#include "cpu/strided.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kColumns = 256;
constexpr i64 kParallelElements = 32 * 1024;

// Sums and products of integers wrap, which only those of unsigned ones may.
template <class A>
using Wrapping = std::conditional_t<std::is_integral_v<A>, u64, A>;

// A running value each; `step` returns what is stored, `line` does so for a line and returns the last.
template <class Op>
struct Stepwise {
  template <class T, class A>
  static A line(T* values, i64 n, bool reverse, A running) {
    for (i64 k = 0; k < n; ++k) {
      T& value = values[reverse ? n - 1 - k : k];
      value = static_cast<T>(running = Op::step(running, static_cast<A>(value)));
    }
    return running;
  }
};
struct Sum : Stepwise<Sum> {
  static constexpr double start = 0;
  template <class A>
  static A step(A running, A x) {
    return static_cast<A>(static_cast<Wrapping<A>>(running) + static_cast<Wrapping<A>>(x));
  }
  using Stepwise<Sum>::line;
  static double line(float* values, i64 n, bool reverse, double running) {
    return active_scan_kernels().sum_float(values, n, reverse, running);
  }
  static double line(double* values, i64 n, bool reverse, double running) {
    return active_scan_kernels().sum_double(values, n, reverse, running);
  }
  static i64 line(i64* values, i64 n, bool reverse, i64 running) {
    return active_scan_kernels().sum_int(values, n, reverse, running);
  }
};
struct Prod : Stepwise<Prod> {
  static constexpr double start = 1;
  template <class A>
  static A step(A running, A x) {
    return static_cast<A>(static_cast<Wrapping<A>>(running) * static_cast<Wrapping<A>>(x));
  }
};
struct LogSumExp : Stepwise<LogSumExp> {
  static constexpr double start = -INFINITY;
  template <class A>
  static A step(A running, A x) {
    A high = running > x || std::isnan(running) ? running : x, low = high == running ? x : running;
    return std::isinf(high) && high == low ? high : high + std::log1p(std::exp(low - high));
  }
};

// Splits a contiguous result into tasks: whole lines along `dim`, or up to kColumns neighbouring lines side by side.
class Lines {
 public:
  Lines(const View& shaped, int dim) {
    const Shape& shape = shaped.shape;
    length_ = shape.ndim ? shape[dim] : 1;
    inner_ = 1;
    for (int d = dim + 1; d < shape.ndim; ++d) inner_ *= shape[d];
    outer_ = length_ && inner_ ? shaped.numel() / (length_ * inner_) : 0;
  }

  // body(place of the first element, number of lines); steps along `dim` are inner() apart.
  template <class Body>
  void each(Body&& body) const {
    i64 tiles = (inner_ + kColumns - 1) / kColumns, tasks = outer_ * tiles;
    i64 columns = inner_ < kColumns ? inner_ : kColumns;
    i64 grain = kParallelElements / (length_ * columns + 1) + 1;
    parallel_for(tasks, grain, [&](i64 begin, i64 end) {
      for (i64 task = begin; task < end; ++task) {
        i64 first = task % tiles * kColumns;
        body(task / tiles * length_ * inner_ + first, inner_ - first < kColumns ? inner_ - first : kColumns);
      }
    });
  }
  i64 length() const { return length_; }
  i64 inner() const { return inner_; }

 private:
  i64 length_, inner_, outer_;
};

// Reads logically consecutive elements of a view as tiles of T, which is the type of its class, or int64 where that is an
// integer.
template <class T>
class Reader {
 public:
  explicit Reader(const View& view) : data_(view.as<char>()), size_(dtype_size(view.dtype)), dims_(view.shape, view.strides) {
    const TileClass c = class_of(view.dtype);
    load_ = active_convert_table().load[static_cast<int>(view.dtype)];
    width_ = class_size(c);
    if (width_ != sizeof(T)) widen_ = active_convert_table().cast[c][kClassInt64];
  }

  void read(T* tile, i64 first, i64 n) const {
    if (!widen_) return gather(reinterpret_cast<char*>(tile), first, n);
    alignas(64) char narrow[kTile * 4];
    gather(narrow, first, n);
    widen_(tile, narrow, nullptr, nullptr, n);
  }

 private:
  void gather(char* to, i64 first, i64 n) const {
    for_each_row(dims_, first, first + n, [&](i64 offset, i64 stride, i64 count) {
      load_(to, data_ + offset * size_, stride, count);
      to += count * width_;
    });
  }

  const char* data_;
  i64 size_, width_;
  StridedDims dims_;
  void (*load_)(void*, const void*, i64, i64);
  TileFn widen_ = nullptr;
};

template <class T>
using Wider = std::conditional_t<std::is_same_v<T, float>, double, T>;

// One line: read in tiles, from the end when reversed, in the order of the walk.
template <class Op, class T, class A>
void scan_line(const Reader<T>& in, const View& out, i64 first, i64 length, bool reverse) {
  auto store = active_convert_table().store[static_cast<int>(out.dtype)];
  i64 size = dtype_size(out.dtype);
  alignas(64) T tile[kTile];
  A running = static_cast<A>(Op::start);
  for (i64 done = 0; done < length; done += kTile) {
    i64 n = length - done < kTile ? length - done : kTile;
    i64 from = reverse ? length - done - n : done;
    in.read(tile, first + from, n);
    running = Op::line(tile, n, reverse, running);
    store(out.as<char>() + (first + from) * size, tile, n);
  }
}

template <class Op, class T, class A>
void scan_columns(const Reader<T>& in, const View& out, i64 first, i64 columns, i64 length, i64 inner, bool reverse) {
  auto store = active_convert_table().store[static_cast<int>(out.dtype)];
  i64 size = dtype_size(out.dtype);
  alignas(64) T tile[kColumns];
  A running[kColumns];
  for (i64 j = 0; j < columns; ++j) running[j] = static_cast<A>(Op::start);
  for (i64 i = 0; i < length; ++i) {
    i64 at = first + (reverse ? length - 1 - i : i) * inner;
    in.read(tile, at, columns);
    for (i64 j = 0; j < columns; ++j) {
      running[j] = Op::step(running[j], static_cast<A>(tile[j]));
      tile[j] = static_cast<T>(running[j]);
    }
    store(out.as<char>() + at * size, tile, columns);
  }
}

template <class Op, class T, class A>
void scan_as(const View& in, int dim, bool reverse, const View& out) {
  Lines lines(out, dim);
  Reader<T> reader(in);
  lines.each([&](i64 first, i64 columns) {
    if (lines.inner() == 1) {
      scan_line<Op, T, A>(reader, out, first, lines.length(), reverse);
    } else {
      scan_columns<Op, T, A>(reader, out, first, columns, lines.length(), lines.inner(), reverse);
    }
  });
}

template <class Op>
void scan_with(const View& in, int dim, bool reverse, const View& out) {
  switch (class_of(in.dtype)) {
    case kClassDouble: return scan_as<Op, double, double>(in, dim, reverse, out);
    case kClassFloat:
      return in.dtype == DType::kFloat32 ? scan_as<Op, float, double>(in, dim, reverse, out)
                                         : scan_as<Op, float, float>(in, dim, reverse, out);
    default:
      if constexpr (!std::is_same_v<Op, LogSumExp>) scan_as<Op, i64, i64>(in, dim, reverse, out);
  }
}

template <class T>
bool replaces(bool largest, T x, T best) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(x)) return true;
    if (std::isnan(best)) return false;
  }
  return largest ? x >= best : x <= best;
}

template <class T>
void extreme_as(bool largest, const View& in, int dim, const View& values, const View& indices) {
  Lines lines(values, dim);
  Reader<T> reader(in);
  auto store = active_convert_table().store[static_cast<int>(values.dtype)];
  i64 size = dtype_size(values.dtype), step = lines.inner();
  lines.each([&](i64 first, i64 columns) {
    i64* places = indices.as<i64>() + first;
    if (step == 1) {
      alignas(64) T tile[kTile];
      T best{};
      i64 place = 0;
      for (i64 done = 0; done < lines.length(); done += kTile) {
        i64 n = lines.length() - done < kTile ? lines.length() - done : kTile;
        reader.read(tile, first + done, n);
        for (i64 i = 0; i < n; ++i) {
          if (done + i == 0 || replaces(largest, tile[i], best)) best = tile[i], place = done + i;
          tile[i] = best;
          places[done + i] = place;
        }
        store(values.as<char>() + (first + done) * size, tile, n);
      }
      return;
    }
    alignas(64) T tile[kColumns];
    T best[kColumns];
    i64 place[kColumns];
    for (i64 i = 0; i < lines.length(); ++i) {
      reader.read(tile, first + i * step, columns);
      for (i64 j = 0; j < columns; ++j) {
        if (i == 0 || replaces(largest, tile[j], best[j])) best[j] = tile[j], place[j] = i;
        tile[j] = best[j];
        places[i * step + j] = place[j];
      }
      store(values.as<char>() + (first + i * step) * size, tile, columns);
    }
  });
}

template <class T>
void linear_as(const View& factor, const View& term, int dim, bool reverse, const View& out) {
  using A = Wider<T>;
  Lines lines(out, dim);
  Reader<T> factors(factor), terms(term);
  auto store = active_convert_table().store[static_cast<int>(out.dtype)];
  i64 size = dtype_size(out.dtype), step = lines.inner(), length = lines.length();
  lines.each([&](i64 first, i64 columns) {
    alignas(64) T a[kTile], b[kTile];
    if (step == 1) {
      A running = 0;
      for (i64 done = 0; done < length; done += kTile) {
        i64 n = length - done < kTile ? length - done : kTile, from = reverse ? length - done - n : done;
        factors.read(a, first + from, n);
        terms.read(b, first + from, n);
        for (i64 i = 0; i < n; ++i) {
          i64 at = reverse ? n - 1 - i : i;
          running = static_cast<A>(a[at]) * running + static_cast<A>(b[at]);
          b[at] = static_cast<T>(running);
        }
        store(out.as<char>() + (first + from) * size, b, n);
      }
      return;
    }
    A running[kColumns] = {};
    for (i64 i = 0; i < length; ++i) {
      i64 at = first + (reverse ? length - 1 - i : i) * step;
      factors.read(a, at, columns);
      terms.read(b, at, columns);
      for (i64 j = 0; j < columns; ++j) {
        running[j] = static_cast<A>(a[j]) * running[j] + static_cast<A>(b[j]);
        b[j] = static_cast<T>(running[j]);
      }
      store(out.as<char>() + at * size, b, columns);
    }
  });
}

}  // namespace

void scan(ScanOp op, const View& in, int dim, bool reverse, const View& out) {
  switch (op) {
    case ScanOp::kSum: return scan_with<Sum>(in, dim, reverse, out);
    case ScanOp::kProd: return scan_with<Prod>(in, dim, reverse, out);
    case ScanOp::kLogSumExp: return scan_with<LogSumExp>(in, dim, reverse, out);
  }
}

void scan_extreme(bool largest, const View& in, int dim, const View& values, const View& indices) {
  switch (class_of(in.dtype)) {
    case kClassDouble: return extreme_as<double>(largest, in, dim, values, indices);
    case kClassFloat: return extreme_as<float>(largest, in, dim, values, indices);
    case kClassInt64: return extreme_as<i64>(largest, in, dim, values, indices);
    case kClassInt32: return extreme_as<std::int32_t>(largest, in, dim, values, indices);
    case kClassInt16: return extreme_as<std::int16_t>(largest, in, dim, values, indices);
    case kClassInt8: return extreme_as<std::int8_t>(largest, in, dim, values, indices);
    default: return extreme_as<u8>(largest, in, dim, values, indices);
  }
}

void linear_scan(const View& factor, const View& term, int dim, bool reverse, const View& out) {
  if (out.dtype == DType::kFloat64) return linear_as<double>(factor, term, dim, reverse, out);
  linear_as<float>(factor, term, dim, reverse, out);
}

}  // namespace pyflame::cpu
