#include "cpu/norm_table.h"
#include "cpu/simd/line.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

template <class T>
struct Moments {
  T mean, scale;  // the normalized element is (x - mean) * scale
};

template <class T>
inline Moments<T> moments(const NormRow& row, const T* x) {
  const double n = static_cast<double>(row.n);
  double mean = 0;
  if (row.centred) {
    mean = line_sum<T>(
               row.n, [&](i64 i) { return load(x + i); },
               [&](i64 i, int count) { return load(x + i, Lanes<T>(count)); }) / n;
  }
  const Vec<T> centre = broadcast(static_cast<T>(mean));
  double squares = line_sum<T>(
      row.n,
      [&](i64 i) {
        Vec<T> d = load(x + i) - centre;
        return d * d;
      },
      [&](i64 i, int count) {
        T lanes[kWidth<T>] = {};
        for (int k = 0; k < count; ++k) lanes[k] = x[i + k] - centre[0];
        Vec<T> d = load(lanes);
        return d * d;
      });
  return {static_cast<T>(mean), static_cast<T>(1 / std::sqrt(squares / n + row.eps))};
}

template <class T>
void forward(const NormRow& row, T* out, const T* x, const T* weight, const T* bias) {
  const Moments<T> m = moments(row, x);
  if (row.segment == 1) {
    const Vec<T> mean = broadcast(m.mean), scale = broadcast(m.scale);
    return line_map(out, row.n, [&](auto&& read, i64 i) {
      fetch_ahead(x + i);
      fetch_ahead(out + i);
      Vec<T> y = (read(x) - mean) * scale;
      if (weight) y = y * read(weight);
      return bias ? y + read(bias) : y;
    });
  }
  for (i64 s = 0, at = 0; at < row.n; ++s, at += row.segment) {
    const Vec<T> mean = broadcast(m.mean), scale = broadcast(weight ? m.scale * weight[s] : m.scale);
    const Vec<T> shift = broadcast(bias ? bias[s] : T(0));
    line_map(out + at, row.segment, [&](auto&& read, i64) { return fma(read(x + at) - mean, scale, shift); });
  }
}

// Of one segment with one weight, or of a row with weights of their own: sums of g * w and of g * w * y.
template <class T>
struct Sums {
  double grad = 0, product = 0;
};

template <class T>
void backward(const NormRow& row, T* out, const T* grad, const T* x, const T* weight, T* grad_weight, T* grad_bias) {
  const Moments<T> m = moments(row, x);
  const Vec<T> mean = broadcast(m.mean), scale = broadcast(m.scale);
  const i64 whole = row.segment == 1 ? row.n : row.segment;
  Sums<T> total;
  for (i64 s = 0, at = 0; at < row.n; ++s, at += whole) {
    const bool own = row.segment == 1;
    auto weighed = [&](Vec<T> g, auto&& read) { return weight && own ? g * read(weight) : g; };
    auto grads = [&](auto&& read) { return weighed(read(grad + at), read); };
    auto products = [&](auto&& read) { return weighed(read(grad + at), read) * ((read(x + at) - mean) * scale); };
    auto full = [](i64 i) { return [i](const T* p) { return load(p + i); }; };
    auto part = [](i64 i, int count) { return [i, count](const T* p) { return load(p + i, Lanes<T>(count)); }; };
    double g = row.centred || grad_bias || !own ? line_sum<T>(
        whole, [&](i64 i) { return grads(full(i)); }, [&](i64 i, int count) { return grads(part(i, count)); }) : 0;
    double p = line_sum<T>(
        whole, [&](i64 i) { return products(full(i)); }, [&](i64 i, int count) { return products(part(i, count)); });
    if (!own) {
      if (grad_weight) grad_weight[s] += static_cast<T>(p);
      if (grad_bias) grad_bias[s] += static_cast<T>(g);
      if (weight) g *= static_cast<double>(weight[s]), p *= static_cast<double>(weight[s]);
    }
    total.grad += g;
    total.product += p;
  }
  const double n = static_cast<double>(row.n);
  const Vec<T> mean_grad = broadcast(static_cast<T>(row.centred ? total.grad / n : 0.0));
  const Vec<T> mean_product = broadcast(static_cast<T>(total.product / n));
  if (row.segment != 1) {
    for (i64 s = 0, at = 0; at < row.n; ++s, at += row.segment) {
      const Vec<T> factor = broadcast(weight ? weight[s] : T(1));
      line_map(out + at, row.segment, [&](auto&& read, i64) {
        Vec<T> y = (read(x + at) - mean) * scale;
        return (read(grad + at) * factor - mean_grad - y * mean_product) * scale;
      });
    }
    return;
  }
  constexpr i64 w = kWidth<T>;
  auto step = [&](i64 i, auto&& read, auto&& write) {
    Vec<T> g = read(grad + i), y = (read(x + i) - mean) * scale;
    if (grad_weight) write(grad_weight + i, fma(g, y, read(grad_weight + i)));
    if (grad_bias) write(grad_bias + i, read(grad_bias + i) + g);
    if (weight) g = g * read(weight + i);
    write(out + i, (g - mean_grad - y * mean_product) * scale);
  };
  i64 i = 0;
  for (; i + w <= row.n; i += w) {
    step(i, [](const T* p) { return load(p); }, [](T* p, Vec<T> v) { store(p, v); });
  }
  if (i < row.n) {
    Lanes<T> lanes(static_cast<int>(row.n - i));
    step(i, [&](const T* p) { return load(p, lanes); }, [&](T* p, Vec<T> v) { store(p, v, lanes); });
  }
}

// Rows too short for vectors, in double: of two nearly equal elements little is left after the mean is taken off, and the
// scale makes much of it.
constexpr i64 kShort = 16;

template <class T>
struct ShortRow {
  double y[kShort], scale;

  ShortRow(const NormRow& row, const T* x) {
    const double n = static_cast<double>(row.n);
    double mean = 0, squares = 0;
    for (i64 i = 0; i < row.n; ++i) mean += static_cast<double>(x[i]) / n;
    if (!row.centred) mean = 0;
    for (i64 i = 0; i < row.n; ++i) {
      y[i] = static_cast<double>(x[i]) - mean;
      squares += y[i] * y[i];
    }
    scale = 1 / std::sqrt(squares / n + row.eps);
    for (i64 i = 0; i < row.n; ++i) y[i] *= scale;
  }
};

template <class T>
void forward_row(const NormRow& row, T* out, const T* x, const T* weight, const T* bias) {
  if (row.segment != 1 || row.n >= kShort) return forward(row, out, x, weight, bias);
  const ShortRow<T> at(row, x);
  for (i64 i = 0; i < row.n; ++i) {
    double y = weight ? at.y[i] * static_cast<double>(weight[i]) : at.y[i];
    out[i] = static_cast<T>(bias ? y + static_cast<double>(bias[i]) : y);
  }
}

template <class T>
void backward_row(const NormRow& row, T* out, const T* grad, const T* x, const T* weight, T* grad_weight, T* grad_bias) {
  if (row.segment != 1 || row.n >= kShort) return backward(row, out, grad, x, weight, grad_weight, grad_bias);
  const ShortRow<T> at(row, x);
  const double n = static_cast<double>(row.n);
  double g[kShort], mean_grad = 0, mean_product = 0;
  for (i64 i = 0; i < row.n; ++i) {
    g[i] = static_cast<double>(grad[i]);
    if (grad_weight) grad_weight[i] += static_cast<T>(g[i] * at.y[i]);
    if (grad_bias) grad_bias[i] += grad[i];
    if (weight) g[i] *= static_cast<double>(weight[i]);
    if (row.centred) mean_grad += g[i] / n;
    mean_product += g[i] * at.y[i] / n;
  }
  for (i64 i = 0; i < row.n; ++i) out[i] = static_cast<T>((g[i] - mean_grad - at.y[i] * mean_product) * at.scale);
}

}  // namespace

const NormTable norm_table = {{forward_row<float>, backward_row<float>}, {forward_row<double>, backward_row<double>}};

}  // namespace pyflame::cpu::PYFLAME_TIER
