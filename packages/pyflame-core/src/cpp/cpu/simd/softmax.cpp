#include "cpu/reduce_table.h"
#include "cpu/simd/line.h"
#include "cpu/simd/line_max.h"
#include "cpu/simd/power.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

constexpr i64 kRows = 128;  // rows of one partial sum where lines lie side by side

// Lines are read twice, and the next one for its largest element first: so its memory is fetched a little earlier.
template <class T>
void fetch_next(const T* x, const T* out) {
  constexpr i64 kEarlier = 4096 / static_cast<i64>(sizeof(T));
  fetch_ahead(x + kEarlier);
  fetch_ahead(out + kEarlier);
}

template <class T>
void forward(bool log, T* out, const T* x, i64 n) {
  const T top = line_top(x, n), lowest = -infinity<T>();
  const Vec<T> tops = broadcast(top);
  if (log) {
    double total = line_sum<T>(
        n,
        [&](i64 i) {
          fetch_next(x + i, out + i);
          return power(load(x + i) - tops);
        },
        [&](i64 i, int count) { return power(load_rest(x + i, count, lowest) - tops); });
    const Vec<T> shift = broadcast(static_cast<T>(std::log(total)));
    return line_map(out, n, [&](auto&& read, i64) { return (read(x) - tops) - shift; });
  }
  double total = line_sum<T>(
      n,
      [&](i64 i) {
        fetch_next(x + i, out + i);
        Vec<T> e = power(load(x + i) - tops);
        store(out + i, e);
        return e;
      },
      [&](i64 i, int count) {
        Vec<T> e = power(load_rest(x + i, count, lowest) - tops);
        store(out + i, e, Lanes<T>(count));
        return e;
      });
  const Vec<T> factor = broadcast(static_cast<T>(1 / total));
  line_map(out, n, [&](auto&& read, i64) { return read(out) * factor; });
}

template <class T>
void backward(bool log, T* out, const T* grad, const T* y, i64 n) {
  if (log) {
    const Vec<T> total = broadcast(static_cast<T>(line_sum<T>(
        n, [&](i64 i) { return load(grad + i); }, [&](i64 i, int count) { return load(grad + i, Lanes<T>(count)); })));
    return line_map(out, n, [&](auto&& read, i64) { return read(grad) - power(read(y)) * total; });
  }
  const Vec<T> dot = broadcast(static_cast<T>(line_sum<T>(
      n, [&](i64 i) { return load(grad + i) * load(y + i); },
      [&](i64 i, int count) {
        Lanes<T> lanes(count);
        return load(grad + i, lanes) * load(y + i, lanes);
      })));
  line_map(out, n, [&](auto&& read, i64) { return read(y) * (read(grad) - dot); });
}

// ---- lines that lie side by side: element j of a row belongs to line j
template <class T, int kVectors>
void forward_columns(bool log, T* out, const T* x, i64 n, i64 x_stride, i64 out_stride, int tail) {
  constexpr int w = kWidth<T>;
  Lanes<T> lanes(tail);
  auto read = [&](const T* p, int v) { return v + 1 < kVectors || tail == w ? load(p + v * w) : load(p + v * w, lanes); };
  auto write = [&](T* p, int v, Vec<T> value) {
    v + 1 < kVectors || tail == w ? store(p + v * w, value) : store(p + v * w, value, lanes);
  };
  Vec<T> top[kVectors], total[kVectors];
  for (int v = 0; v < kVectors; ++v) top[v] = read(x, v), total[v] = Vec<T>{};
  for (i64 r = 1; r < n; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) top[v] = top_of(top[v], read(x + r * x_stride, v));
  }
  for (i64 begin = 0; begin < n; begin += kRows) {
    Vec<T> part[kVectors];
    for (int v = 0; v < kVectors; ++v) part[v] = Vec<T>{};
    for (i64 r = begin; r < n && r < begin + kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        Vec<T> e = power(read(x + r * x_stride, v) - top[v]);
        part[v] += e;
        if (!log) write(out + r * out_stride, v, e);
      }
    }
    for (int v = 0; v < kVectors; ++v) total[v] += part[v];
  }
  for (int v = 0; v < kVectors; ++v) {
    if (!log) {
      total[v] = T(1) / total[v];
      continue;
    }
    T sums[w];
    store(sums, total[v]);
    for (T& one : sums) one = std::log(one);
    total[v] = load(sums);
  }
  for (i64 r = 0; r < n; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      T* to = out + r * out_stride;
      write(to, v, log ? (read(x + r * x_stride, v) - top[v]) - total[v] : read(to, v) * total[v]);
    }
  }
}

template <class T>
void columns(bool log, T* out, const T* x, i64 n, i64 x_stride, i64 out_stride, i64 count) {
  constexpr int w = kWidth<T>;
  i64 j = 0;
  for (; j + 4 * w <= count; j += 4 * w) forward_columns<T, 4>(log, out + j, x + j, n, x_stride, out_stride, w);
  for (; j < count; j += w) {
    int tail = static_cast<int>(count - j < w ? count - j : w);
    forward_columns<T, 1>(log, out + j, x + j, n, x_stride, out_stride, tail);
  }
}

template <class T>
void columns_grad(bool log, T* out, const T* grad, const T* y, i64 n, i64 stride, i64 count) {
  constexpr int w = kWidth<T>;
  for (i64 j = 0; j < count; j += w) {
    Lanes<T> lanes(static_cast<int>(count - j < w ? count - j : w));
    const T *g = grad + j, *result = y + j;
    Vec<T> total{};
    for (i64 begin = 0; begin < n; begin += kRows) {
      Vec<T> part{};
      for (i64 r = begin; r < n && r < begin + kRows; ++r) {
        Vec<T> value = load(g + r * stride, lanes);
        part += log ? value : value * load(result + r * stride, lanes);
      }
      total += part;
    }
    for (i64 r = 0; r < n; ++r) {
      Vec<T> value = load(g + r * stride, lanes), p = load(result + r * stride, lanes);
      store(out + j + r * stride, log ? value - power(p) * total : p * (value - total), lanes);
    }
  }
}

}  // namespace

const SoftmaxTable softmax_table = {forward<float>,  forward<double>,  backward<float>,     backward<double>,
                                    columns<float>,  columns<double>,  columns_grad<float>, columns_grad<double>};

}  // namespace pyflame::cpu::PYFLAME_TIER
