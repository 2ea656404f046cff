#include <vector>

#include "cpu/axes.h"
#include "cpu/elementwise_table.h"
#include "cpu/reduce.h"
#include "cpu/reduce_table.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kSerial = 16 * 1024;

// Runs work(begin, end) over the lines along one dimension, split by their length.
template <class Work>
void for_lines(i64 lines, i64 length, Work&& work) {
  i64 grain = kSerial / (length + 1) + 1;
  if (lines * length <= 2 * kSerial) grain = lines;
  parallel_for(lines, grain, work);
}

struct Lines {
  AxisList others;
  Axis line{1, 1, 1};
  bool is_double;

  Lines(const View& in, int dim) : is_double(in.dtype == DType::kFloat64) {
    Shape strides = contiguous_strides(in.shape);
    for (int i = 0; i < in.shape.ndim; ++i) {
      Axis axis{in.shape[i], in.strides[i], strides[i]};
      if (i == dim) {
        line = axis;
      } else if (axis.size != 1) {
        others.push(axis);
      }
    }
  }
};

// A line in its compute class: in place where memory allows, else gathered into `buffer`.
const void* read_line(const View& view, i64 offset, i64 stride, i64 n, char* buffer) {
  const char* from = static_cast<const char*>(view.data) + offset * dtype_size(view.dtype);
  if (stride == 1 && is_native(view.dtype)) return from;
  active_convert_table().load[static_cast<int>(view.dtype)](buffer, from, stride, n);
  return buffer;
}

template <class T>
void scatter(T* to, i64 stride, const T* from, i64 n) {
  for (i64 i = 0; i < n; ++i) to[i * stride] = from[i];
}

void write_line(const View& view, i64 offset, i64 stride, i64 n, const char* line, char* narrowed) {
  i64 size = dtype_size(view.dtype);
  char* to = static_cast<char*>(view.data) + offset * size;
  auto store = active_convert_table().store[static_cast<int>(view.dtype)];
  if (stride == 1) return store(to, line, n);
  store(narrowed, line, n);
  switch (size) {
    case 2: return scatter(reinterpret_cast<u16*>(to), stride, reinterpret_cast<const u16*>(narrowed), n);
    case 4: return scatter(reinterpret_cast<u32*>(to), stride, reinterpret_cast<const u32*>(narrowed), n);
    default: return scatter(reinterpret_cast<u64*>(to), stride, reinterpret_cast<const u64*>(narrowed), n);
  }
}

// Buffers for the lines of one chunk, allocated only when lines cannot be used in place.
class LineBuffers {
 public:
  LineBuffers(i64 n, bool needed) : bytes_(needed ? static_cast<std::size_t>(n) * 8 : 0), memory_(4 * bytes_) {}
  char* operator[](int i) { return memory_.data() + static_cast<std::size_t>(i) * bytes_; }

 private:
  std::size_t bytes_;
  std::vector<char> memory_;
};

// Softmax along an outer dimension of contiguous memory: blocks of columns, as wide as keeps a block in the cache.
struct Columns {
  i64 outer = 1, n, inner = 1, width;

  Columns(const View& view, int dim) : n(view.shape[dim]) {
    for (int d = 0; d < dim; ++d) outer *= view.shape[d];
    for (int d = dim + 1; d < view.shape.ndim; ++d) inner *= view.shape[d];
    i64 fitting = (256 * 1024) / (dtype_size(view.dtype) * (n + 1));
    width = fitting < 64 ? 64 : fitting / 64 * 64;
    if (width > inner) width = inner;
  }
  static bool fit(const View& view, int dim) {
    if (!is_native(view.dtype) || !view.contiguous() || dim >= view.shape.ndim) return false;
    return Columns(view, dim).inner >= 8;
  }

  // body(first element, columns)
  template <class Body>
  void each(Body&& body) const {
    i64 tiles = (inner + width - 1) / width, all = outer * tiles;
    i64 grain = kSerial / (n * width + 1) + 1;
    parallel_for(all, all * n * width <= 2 * kSerial ? all : grain, [&](i64 begin, i64 end) {
      for (i64 tile = begin; tile < end; ++tile) {
        i64 first = tile % tiles * width;
        body(tile / tiles * n * inner + first, inner - first < width ? inner - first : width);
      }
    });
  }
};

void softmax_columns(bool log, const View& in, int dim, const View& out) {
  const Columns columns(in, dim);
  const SoftmaxTable& table = active_softmax_table();
  columns.each([&](i64 at, i64 count) {
    if (in.dtype == DType::kFloat64) {
      table.columns_double(log, out.as<double>() + at, in.as<double>() + at, columns.n, columns.inner, columns.inner, count);
    } else {
      table.columns_float(log, out.as<float>() + at, in.as<float>() + at, columns.n, columns.inner, columns.inner, count);
    }
  });
}

void softmax_grad_columns(bool log, const View& grad, const View& result, int dim, const View& out) {
  const Columns columns(grad, dim);
  const SoftmaxTable& table = active_softmax_table();
  columns.each([&](i64 at, i64 count) {
    if (grad.dtype == DType::kFloat64) {
      table.columns_grad_double(log, out.as<double>() + at, grad.as<double>() + at, result.as<double>() + at, columns.n,
                                columns.inner, count);
    } else {
      table.columns_grad_float(log, out.as<float>() + at, grad.as<float>() + at, result.as<float>() + at, columns.n,
                               columns.inner, count);
    }
  });
}

}  // namespace

void softmax(bool log, const View& in, int dim, const View& out) {
  if (in.numel() == 0) return;
  if (Columns::fit(in, dim)) return softmax_columns(log, in, dim, out);
  const Lines lines(in, dim);
  const i64 n = lines.line.size;
  const bool in_place = is_native(in.dtype) && lines.line.stride == 1 && lines.line.out_stride == 1;
  const SoftmaxTable& table = active_softmax_table();
  for_lines(lines.others.numel(), n, [&](i64 begin, i64 end) {
    LineBuffers buffers(n, !in_place);
    for (i64 index = begin; index < end; ++index) {
      AxisList::Place place = lines.others.at(index);
      const void* x = read_line(in, place.in, lines.line.stride, n, buffers[0]);
      char* y = in_place ? out.as<char>() + place.out * dtype_size(out.dtype) : buffers[1];
      if (lines.is_double) {
        table.forward_double(log, reinterpret_cast<double*>(y), static_cast<const double*>(x), n);
      } else {
        table.forward_float(log, reinterpret_cast<float*>(y), static_cast<const float*>(x), n);
      }
      if (!in_place) write_line(out, place.out, lines.line.out_stride, n, y, buffers[2]);
    }
  });
}

void softmax_grad(bool log, const View& grad, const View& result, int dim, const View& out) {
  if (grad.numel() == 0) return;
  if (Columns::fit(grad, dim)) return softmax_grad_columns(log, grad, result, dim, out);
  const Lines lines(grad, dim);
  const i64 n = lines.line.size, stride = lines.line.out_stride;
  const bool in_place = is_native(grad.dtype) && stride == 1;
  const SoftmaxTable& table = active_softmax_table();
  for_lines(lines.others.numel(), n, [&](i64 begin, i64 end) {
    LineBuffers buffers(n, !in_place);
    for (i64 index = begin; index < end; ++index) {
      i64 at = lines.others.at(index).out;
      const void* g = read_line(grad, at, stride, n, buffers[0]);
      const void* y = read_line(result, at, stride, n, buffers[1]);
      char* to = in_place ? out.as<char>() + at * dtype_size(out.dtype) : buffers[2];
      if (lines.is_double) {
        table.backward_double(log, reinterpret_cast<double*>(to), static_cast<const double*>(g),
                              static_cast<const double*>(y), n);
      } else {
        table.backward_float(log, reinterpret_cast<float*>(to), static_cast<const float*>(g),
                             static_cast<const float*>(y), n);
      }
      if (!in_place) write_line(out, at, stride, n, to, buffers[3]);
    }
  });
}

}  // namespace pyflame::cpu
