// A channel, or a few whose rows are short, goes through all its passes before the next one, so that only the first pass
// reads memory outside the caches.
#include "cpu/batch_norm.h"

#include <cmath>
#include <vector>

#include "cpu/batch_norm_table.h"
#include "cpu/elementwise_table.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kSerial = 16 * 1024;
constexpr i64 kShortRun = 32, kColumns = 256;  // elements

template <class T>
const BatchNormKernels<T>& kernels();
template <>
const BatchNormKernels<float>& kernels<float>() {
  return active_batch_norm_table().single;
}
template <>
const BatchNormKernels<double>& kernels<double>() {
  return active_batch_norm_table().wide;
}

template <class T>
T weight_of(const BatchNormInputs& in, i64 channel) {
  return in.weight.data ? in.weight.as<T>()[channel] : T(1);
}
template <class T>
T bias_of(const BatchNormInputs& in, i64 channel) {
  return in.bias.data ? in.bias.as<T>()[channel] : T(0);
}
template <class T>
void put(const View& to, i64 channel, double value) {
  if (to.data) to.as<T>()[channel] = static_cast<T>(value);
}

// What the gradient of a channel's input is made with.
template <class T>
struct Slopes {
  T mean, scale, level, slope;
};
template <class T>
Slopes<T> slopes_of(const BatchNormInputs& in, const View& mean, const View& variance, i64 channel, double n, double grads,
                    double products, const View& grad_weight, const View& grad_bias) {
  const double deviation = 1 / std::sqrt(static_cast<double>(variance.as<T>()[channel]) + in.eps);
  put<T>(grad_weight, channel, products * deviation);
  put<T>(grad_bias, channel, grads);
  return {mean.as<T>()[channel], static_cast<T>(deviation) * weight_of<T>(in, channel), static_cast<T>(grads / n),
          static_cast<T>(products * deviation * deviation / n)};
}

struct Extents {
  i64 batch, channels, length;
  explicit Extents(const Shape& shape) : batch(shape[0]), channels(shape[1]), length(1) {
    for (int d = 2; d < shape.ndim; ++d) length *= shape[d];
  }
  double elements() const { return static_cast<double>(batch * length); }
  i64 grain() const { return kSerial / (batch * length) + 1; }
};

// A channel in its compute class: where it lies for float32 and float64, else converted into a line of its own.
template <class T>
class Channel {
 public:
  Channel(const View& view, const Extents& size) : view_(view), size_(size), native_(is_native(view.dtype)) {
    if (!native_) line_.resize(static_cast<std::size_t>(size.batch * size.length));
  }
  Runs runs() const {
    if (native_) return {size_.batch, size_.channels * size_.length, size_.length};
    return {1, 0, size_.batch * size_.length};
  }
  const T* read(i64 channel) {
    if (native_) return view_.as<T>() + channel * size_.length;
    for (i64 n = 0; n < size_.batch; ++n) {
      active_convert_table().load[static_cast<int>(view_.dtype)](line_.data() + n * size_.length, at(n, channel), 1, size_.length);
    }
    return line_.data();
  }
  T* target(i64 channel) { return native_ ? view_.as<T>() + channel * size_.length : line_.data(); }
  void finish(i64 channel) {
    if (native_) return;
    for (i64 n = 0; n < size_.batch; ++n) {
      active_convert_table().store[static_cast<int>(view_.dtype)](at(n, channel), line_.data() + n * size_.length, size_.length);
    }
  }

 private:
  char* at(i64 n, i64 channel) const {
    return view_.as<char>() + (n * size_.channels + channel) * size_.length * dtype_size(view_.dtype);
  }
  const View& view_;
  const Extents& size_;
  bool native_;
  std::vector<T> line_;
};

// ---- channels one by one
template <class T>
void forward_channels(const BatchNormInputs& in, const Extents& size, const View& out, const View& mean, const View& variance) {
  parallel_for(size.channels, size.grain(), [&](i64 begin, i64 end) {
    Channel<T> x(in.x, size), y(out, size);
    for (i64 c = begin; c < end; ++c) {
      const T* values = x.read(c);
      double m, v;
      kernels<T>().moments(x.runs(), values, &m, &v);
      put<T>(mean, c, m);
      put<T>(variance, c, v);
      const T scale = static_cast<T>(1 / std::sqrt(v + in.eps)) * weight_of<T>(in, c);
      kernels<T>().forward(x.runs(), y.target(c), values, static_cast<T>(m), scale, bias_of<T>(in, c));
      y.finish(c);
    }
  });
}

template <class T>
void backward_channels(const BatchNormInputs& in, const Extents& size, const View& grad, const View& mean, const View& variance,
                       const View& out, const View& grad_weight, const View& grad_bias) {
  parallel_for(size.channels, size.grain(), [&](i64 begin, i64 end) {
    Channel<T> x(in.x, size), g(grad, size), result(out, size);
    for (i64 c = begin; c < end; ++c) {
      const T *values = x.read(c), *upstream = g.read(c);
      double grads, products;
      kernels<T>().sums(x.runs(), upstream, values, mean.as<T>()[c], &grads, &products);
      const Slopes<T> s = slopes_of<T>(in, mean, variance, c, size.elements(), grads, products, grad_weight, grad_bias);
      kernels<T>().backward(x.runs(), result.target(c), upstream, values, s.mean, s.scale, s.level, s.slope);
      result.finish(c);
    }
  });
}

// ---- channels side by side: `length` neighbouring columns are one
template <class T, class Body>
void for_column_blocks(const Extents& size, Body&& body) {
  const i64 per_block = kColumns / size.length, blocks = (size.channels + per_block - 1) / per_block;
  const i64 grain = kSerial / (size.batch * kColumns) + 1;
  parallel_for(blocks, grain, [&](i64 begin, i64 end) {
    for (i64 b = begin; b < end; ++b) {
      const i64 first = b * per_block, count = size.channels - first < per_block ? size.channels - first : per_block;
      body(first, count, Runs{size.batch, size.channels * size.length, count * size.length});
    }
  });
}

template <class T>
void forward_columns(const BatchNormInputs& in, const Extents& size, const View& out, const View& mean, const View& variance) {
  for_column_blocks<T>(size, [&](i64 first, i64 count, const Runs& runs) {
    const T* x = in.x.as<T>() + first * size.length;
    double means[kColumns], variances[kColumns];
    T centres[kColumns], scales[kColumns], shifts[kColumns];
    kernels<T>().column_moments(runs, x, means, variances);
    for (i64 c = 0; c < count; ++c) {
      const double n = static_cast<double>(size.length);
      double m = 0, v = 0;
      for (i64 j = c * size.length; j < (c + 1) * size.length; ++j) m += means[j] / n;
      for (i64 j = c * size.length; j < (c + 1) * size.length; ++j) v += (variances[j] + (means[j] - m) * (means[j] - m)) / n;
      put<T>(mean, first + c, m);
      put<T>(variance, first + c, v);
      const T scale = static_cast<T>(1 / std::sqrt(v + in.eps)) * weight_of<T>(in, first + c);
      for (i64 j = c * size.length; j < (c + 1) * size.length; ++j) {
        centres[j] = static_cast<T>(m), scales[j] = scale, shifts[j] = bias_of<T>(in, first + c);
      }
    }
    kernels<T>().column_forward(runs, out.as<T>() + first * size.length, x, centres, scales, shifts);
  });
}

template <class T>
void backward_columns(const BatchNormInputs& in, const Extents& size, const View& grad, const View& mean, const View& variance,
                      const View& out, const View& grad_weight, const View& grad_bias) {
  for_column_blocks<T>(size, [&](i64 first, i64 count, const Runs& runs) {
    const T *x = in.x.as<T>() + first * size.length, *g = grad.as<T>() + first * size.length;
    double grads[kColumns], products[kColumns];
    T centres[kColumns], scales[kColumns], levels[kColumns], slopes[kColumns];
    for (i64 j = 0; j < runs.length; ++j) centres[j] = mean.as<T>()[first + j / size.length];
    kernels<T>().column_sums(runs, g, x, centres, grads, products);
    for (i64 c = 0; c < count; ++c) {
      double sum = 0, product = 0;
      for (i64 j = c * size.length; j < (c + 1) * size.length; ++j) sum += grads[j], product += products[j];
      const Slopes<T> s = slopes_of<T>(in, mean, variance, first + c, size.elements(), sum, product, grad_weight, grad_bias);
      for (i64 j = c * size.length; j < (c + 1) * size.length; ++j) scales[j] = s.scale, levels[j] = s.level, slopes[j] = s.slope;
    }
    kernels<T>().column_backward(runs, out.as<T>() + first * size.length, g, x, centres, scales, levels, slopes);
  });
}

void fill(const View& view, double value) {
  for (i64 c = 0; c < view.numel(); ++c) view.dtype == DType::kFloat64 ? put<double>(view, c, value) : put<float>(view, c, value);
}

bool by_columns(const Extents& size, DType dtype) { return size.length < kShortRun && is_native(dtype); }

}  // namespace

void batch_norm(const BatchNormInputs& in, const View& out, const View& mean, const View& variance) {
  const Extents size(in.x.shape);
  if (in.x.numel() == 0) return fill(mean, NAN), fill(variance, NAN);
  const bool columns = by_columns(size, in.x.dtype);
  if (in.x.dtype == DType::kFloat64) {
    return (columns ? forward_columns<double> : forward_channels<double>)(in, size, out, mean, variance);
  }
  (columns ? forward_columns<float> : forward_channels<float>)(in, size, out, mean, variance);
}

void batch_norm_grad(const BatchNormInputs& in, const View& grad, const View& mean, const View& variance, const View& out,
                     const View& grad_weight, const View& grad_bias) {
  const Extents size(in.x.shape);
  if (in.x.numel() == 0) return fill(grad_weight, 0), fill(grad_bias, 0);
  const bool columns = by_columns(size, in.x.dtype);
  if (in.x.dtype == DType::kFloat64) {
    return (columns ? backward_columns<double> : backward_channels<double>)(in, size, grad, mean, variance, out, grad_weight, grad_bias);
  }
  (columns ? backward_columns<float> : backward_channels<float>)(in, size, grad, mean, variance, out, grad_weight, grad_bias);
}

}  // namespace pyflame::cpu
