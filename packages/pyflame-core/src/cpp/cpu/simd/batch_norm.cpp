// Moments are taken in one pass, of differences from a centre: the mean of the first eighth of the runs. However these differ
// from the others, the variance is at least an eighth of the square of what the centre is off by, so that little is lost
// when that square is taken off.
#include "cpu/batch_norm_table.h"
#include "cpu/simd/line.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

inline i64 sampled(i64 count) { return (count + 7) / 8; }

template <class T>
inline Vec<T> only(Vec<T> v, Lanes<T> lanes) {
  T kept[kWidth<T>] = {};
  store(kept, v, lanes);
  return load(kept);
}

// A sum of infinities has no use as a centre, and from zero the sums come out as they should.
template <class T>
inline T centre_of(double mean) {
  const T centre = static_cast<T>(mean);
  return centre - centre == T(0) ? centre : T(0);
}

struct MeanVariance {
  double mean, variance;
  MeanVariance(double centre, double sum, double squares, double n) {
    const double off = sum / n;
    mean = centre + off;
    variance = squares / n - off * off;
    if (variance < 0) variance = 0;
  }
};

// ---- one channel

// Two sums over all runs in one pass: each(read, first, second) gives the addends of a vector, read(p) what lies at its
// place in the array p.
template <class T, class Each>
inline void sum_runs(const Runs& runs, double* first_sum, double* second_sum, Each&& each) {
  constexpr i64 w = kWidth<T>;
  double totals[2] = {0, 0};
  for (i64 r = 0; r < runs.count; ++r) {
    for (i64 begin = r * runs.stride, stop = begin + runs.length; begin < stop; begin += kLineBlock) {
      const i64 end = stop - begin < kLineBlock ? stop : begin + kLineBlock;
      Vec<T> a[4] = {}, b[4] = {}, first, second;
      i64 i = begin;
      for (; i + 4 * w <= end; i += 4 * w) {
        for (int k = 0; k < 4; ++k) {
          each([&](const T* p) { return load(p + i + k * w); }, first, second);
          a[k] += first;
          b[k] += second;
        }
      }
      for (; i + w <= end; i += w) {
        each([&](const T* p) { return load(p + i); }, first, second);
        a[0] += first;
        b[0] += second;
      }
      if (i < end) {
        const Lanes<T> lanes(static_cast<int>(end - i));
        each([&](const T* p) { return load(p + i, lanes); }, first, second);
        a[1] += only(first, lanes);
        b[1] += only(second, lanes);
      }
      totals[0] += static_cast<double>(sum((a[0] + a[1]) + (a[2] + a[3])));
      totals[1] += static_cast<double>(sum((b[0] + b[1]) + (b[2] + b[3])));
    }
  }
  *first_sum = totals[0];
  *second_sum = totals[1];
}

template <class T>
void moments(const Runs& runs, const T* x, double* mean, double* variance) {
  const i64 first = sampled(runs.count);
  double total = 0, squares;
  for (i64 r = 0; r < first; ++r) {
    const T* run = x + r * runs.stride;
    total += line_sum<T>(
        runs.length, [&](i64 i) { return load(run + i); },
        [&](i64 i, int count) { return load(run + i, Lanes<T>(count)); });
  }
  const T centre = centre_of<T>(total / static_cast<double>(first * runs.length));
  const Vec<T> c = broadcast(centre);
  sum_runs<T>(runs, &total, &squares, [&](auto&& read, Vec<T>& a, Vec<T>& b) {
    a = read(x) - c;
    b = a * a;
  });
  const MeanVariance found(static_cast<double>(centre), total, squares, static_cast<double>(runs.count * runs.length));
  *mean = found.mean;
  *variance = found.variance;
}

template <class T>
void forward(const Runs& runs, T* out, const T* x, T mean, T scale, T shift) {
  const Vec<T> m = broadcast(mean), k = broadcast(scale), s = broadcast(shift);
  for (i64 r = 0, at = 0; r < runs.count; ++r, at += runs.stride) {
    line_map(out + at, runs.length, [&](auto&& read, i64 i) {
      fetch_ahead(out + at + i);
      return fma(read(x + at) - m, k, s);
    });
  }
}

template <class T>
void sums(const Runs& runs, const T* grad, const T* x, T mean, double* grads, double* products) {
  const Vec<T> m = broadcast(mean);
  sum_runs<T>(runs, grads, products, [&](auto&& read, Vec<T>& a, Vec<T>& b) {
    a = read(grad);
    b = a * (read(x) - m);
  });
}

template <class T>
inline Vec<T> backward_of(Vec<T> grad, Vec<T> x, Vec<T> mean, Vec<T> scale, Vec<T> level, Vec<T> slope) {
  return fma(mean - x, slope, grad - level) * scale;
}

template <class T>
void backward(const Runs& runs, T* out, const T* grad, const T* x, T mean, T scale, T level, T slope) {
  const Vec<T> m = broadcast(mean), k = broadcast(scale), l = broadcast(level), s = broadcast(slope);
  for (i64 r = 0, at = 0; r < runs.count; ++r, at += runs.stride) {
    line_map(out + at, runs.length, [&](auto&& read, i64 i) {
      fetch_ahead(out + at + i);
      return backward_of<T>(read(grad + at), read(x + at), m, k, l, s);
    });
  }
}

// ---- a channel for each column

// body(columns, load_at) for groups of vectors side by side, as many as sums fit in registers, the last one perhaps alone and
// incomplete: body(j, constant number of vectors, read), where read(p, k) loads vector k of the group at p.
template <class T, class Body>
inline void for_columns(i64 n, Body&& body) {
  constexpr i64 w = kWidth<T>;
  constexpr int kGroup = 4;
  i64 j = 0;
  auto whole = [](const T* p, int k) { return load(p + k * w); };
  for (; j + kGroup * w <= n; j += kGroup * w) body(j, std::integral_constant<int, kGroup>{}, whole);
  for (; j + w <= n; j += w) body(j, std::integral_constant<int, 1>{}, whole);
  if (j < n) {
    const Lanes<T> lanes(static_cast<int>(n - j));
    body(j, std::integral_constant<int, 1>{}, [&](const T* p, int) { return load(p, lanes); });
  }
}

// Adds what lanes hold to numbers in double, as many as there are.
template <class T>
inline void add_lanes(double* to, i64 room, const Vec<T>& v) {
  for (i64 k = 0; k < kWidth<T> && k < room; ++k) to[k] += static_cast<double>(v[static_cast<int>(k)]);
}

template <class T>
void column_moments(const Runs& runs, const T* x, double* mean, double* variance) {
  for_columns<T>(runs.length, [&](i64 j, auto group, auto&& read) {
    constexpr int n = group.value;
    constexpr i64 w = kWidth<T>;
    const T* column = x + j;
    Vec<T> centre[n] = {};
    const i64 first = sampled(runs.count);
    for (i64 r = 0; r < first; ++r) {
      for (int k = 0; k < n; ++k) centre[k] += read(column + r * runs.stride, k);
    }
    double totals[n * w] = {}, squares[n * w] = {};
    for (int k = 0; k < n; ++k) {
      centre[k] = centre[k] / broadcast(static_cast<T>(first));
      centre[k] = centre[k] - centre[k] == Vec<T>{} ? centre[k] : Vec<T>{};
    }
    for (i64 begin = 0; begin < runs.count; begin += kLineBlock) {
      const i64 end = runs.count - begin < kLineBlock ? runs.count : begin + kLineBlock;
      Vec<T> a[n] = {}, b[n] = {};
      for (i64 r = begin; r < end; ++r) {
        for (int k = 0; k < n; ++k) {
          const Vec<T> d = read(column + r * runs.stride, k) - centre[k];
          a[k] += d;
          b[k] += d * d;
        }
      }
      for (int k = 0; k < n; ++k) add_lanes<T>(totals + k * w, w, a[k]), add_lanes<T>(squares + k * w, w, b[k]);
    }
    for (i64 i = 0; i < n * w && j + i < runs.length; ++i) {
      const double c = static_cast<double>(centre[i / w][static_cast<int>(i % w)]);
      const MeanVariance found(c, totals[i], squares[i], static_cast<double>(runs.count));
      mean[j + i] = found.mean;
      variance[j + i] = found.variance;
    }
  });
}

template <class T>
void column_sums(const Runs& runs, const T* grad, const T* x, const T* mean, double* grads, double* products) {
  for_columns<T>(runs.length, [&](i64 j, auto group, auto&& read) {
    constexpr int n = group.value;
    constexpr i64 w = kWidth<T>;
    Vec<T> m[n];
    for (int k = 0; k < n; ++k) m[k] = read(mean + j, k);
    for (i64 i = j; i < j + n * w && i < runs.length; ++i) grads[i] = products[i] = 0;
    for (i64 begin = 0; begin < runs.count; begin += kLineBlock) {
      const i64 end = runs.count - begin < kLineBlock ? runs.count : begin + kLineBlock;
      Vec<T> a[n] = {}, b[n] = {};
      for (i64 r = begin; r < end; ++r) {
        for (int k = 0; k < n; ++k) {
          const Vec<T> g = read(grad + j + r * runs.stride, k);
          a[k] += g;
          b[k] += g * (read(x + j + r * runs.stride, k) - m[k]);
        }
      }
      for (int k = 0; k < n; ++k) {
        add_lanes<T>(grads + j + k * w, runs.length - j - k * w, a[k]);
        add_lanes<T>(products + j + k * w, runs.length - j - k * w, b[k]);
      }
    }
  });
}

template <class T>
void column_forward(const Runs& runs, T* out, const T* x, const T* mean, const T* scale, const T* shift) {
  for (i64 r = 0, at = 0; r < runs.count; ++r, at += runs.stride) {
    line_map(out + at, runs.length, [&](auto&& read, i64) { return fma(read(x + at) - read(mean), read(scale), read(shift)); });
  }
}

template <class T>
void column_backward(const Runs& runs, T* out, const T* grad, const T* x, const T* mean, const T* scale, const T* level,
                     const T* slope) {
  for (i64 r = 0, at = 0; r < runs.count; ++r, at += runs.stride) {
    line_map(out + at, runs.length, [&](auto&& read, i64) {
      return backward_of<T>(read(grad + at), read(x + at), read(mean), read(scale), read(level), read(slope));
    });
  }
}

template <class T>
constexpr BatchNormKernels<T> kernels() {
  return {moments<T>,        forward<T>,        sums<T>,        backward<T>,
          column_moments<T>, column_forward<T>, column_sums<T>, column_backward<T>};
}

}  // namespace

const BatchNormTable batch_norm_table = {kernels<float>(), kernels<double>()};

}  // namespace pyflame::cpu::PYFLAME_TIER
