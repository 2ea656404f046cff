// The gradient of the image: transposed weights (depth x out) times the gradient (out x results) gives columns, which
// are added back to the image. A task owns some channels of one image, so nothing is added by two threads. Without a
// stride it is a convolution of the gradient as well, with columns of its own that are only read.
#include "cpu/arithmetic.h"
#include "cpu/conv_float.h"
#include "cpu/gemm_blocked.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kRowsPerTask = 144, kTile = 512;

template <class T>
void zero(T* out, i64 n) {
  for (i64 i = 0; i < n; ++i) out[i] = T(0);
}

// `count` channels from `first` on, of one group of one image.
template <class T>
void grad_channels(const ConvSizes& s, const T* grad, const T* weight, i64 first, i64 count, T* out) {
  const i64 p = s.plane.result(), window = s.plane.window(), rows = count * window;
  T* image = out + first * s.plane.input();
  zero(image, count * s.plane.input());
  for (i64 at = 0; at < p; at += kTile) {
    i64 n = least(kTile, p - at);
    T* columns = scratch<T>(Scratch::kColumns, rows * n);
    const T* transposed = weight + first * window;
    gemm(Product<T>{rows, n, s.out_channels, transposed, 1, s.depth(), grad + at, p, 1, columns, n, false});
    conv_kernels<T>().add_columns(s.plane, columns, n, 0, rows, at, at + n, image);
  }
}

// Of few results for each channel those columns are fewer.
bool is_convolution(const ConvSizes& s) {
  return s.plane.stride[0] == 1 && s.plane.stride[1] == 1 && s.out_channels <= 2 * s.in_channels;
}

// The window turned around, from (result, channel) to (channel, result).
template <class T>
void turn(const ConvSizes& s, const T* weight, T* out) {
  const i64 window = s.plane.window(), depth = s.out_channels * window;
  for (i64 o = 0; o < s.out_channels; ++o) {
    for (i64 c = 0; c < s.in_channels; ++c, weight += window) {
      T* to = out + c * depth + o * window;
      for (i64 k = 0; k < window; ++k) to[k] = weight[window - 1 - k];
    }
  }
}

template <class T>
void convolve(const ConvSizes& s, const T* grad, const T* weight, T* out) {
  ConvSizes turned = s;
  turned.in_channels = s.out_channels, turned.out_channels = s.in_channels;
  ConvPlane& p = turned.plane;
  p.h = s.plane.oh, p.w = s.plane.ow, p.oh = s.plane.h, p.ow = s.plane.w;
  p.padding[0] = (p.kh - 1) * p.dilation[0] - p.padding[0], p.padding[1] = (p.kw - 1) * p.dilation[1] - p.padding[1];
  T* weights = scratch<T>(Scratch::kPartials, s.weight_size());
  const i64 group = s.out_channels * s.depth();
  for (i64 g = 0; g < s.groups; ++g) turn(s, weight + g * group, weights + g * group);
  conv_product(turned, grad, WeightMatrix<T>{weights, group, turned.depth(), 1, nullptr}, Epilogue<T>{}, out);
}

}  // namespace

template <class T>
void conv_grad_input(const ConvSizes& s, const T* grad, const T* weight, T* out) {
  if (s.images * s.image_size() == 0) return;
  if (s.result_size() == 0) return zero(out, s.images * s.image_size());
  if (s.depthwise()) return conv_depthwise_grad_input(s, grad, weight, out);
  if (s.pointwise()) {
    ConvSizes swapped = s;
    swapped.in_channels = s.out_channels, swapped.out_channels = s.in_channels;
    const WeightMatrix<T> turned{weight, s.out_channels * s.in_channels, 1, s.in_channels, nullptr};
    return conv_product(swapped, grad, turned, Epilogue<T>{}, out);
  }
  if (is_convolution(s)) return convolve(s, grad, weight, out);
  const i64 most = kRowsPerTask / s.plane.window() + 1, channels = even_panel(s.in_channels, most);
  const i64 chunks = ceil_div(s.in_channels, channels), tasks = s.images * s.groups * chunks;
  parallel_for(tasks, s.work() >= kThreadedWork ? 1 : tasks, [&](i64 begin, i64 end) {
    for (i64 task = begin; task < end; ++task) {
      i64 first = task % chunks * channels, group = task / chunks % s.groups, image = task / chunks / s.groups;
      grad_channels(s, grad + image * s.result_size() + group * s.out_channels * s.plane.result(),
                    weight + group * s.out_channels * s.depth(), first, least(channels, s.in_channels - first),
                    out + image * s.image_size() + group * s.in_channels * s.plane.input());
    }
  });
}

template void conv_grad_input<float>(const ConvSizes&, const float*, const float*, float*);
template void conv_grad_input<double>(const ConvSizes&, const double*, const double*, double*);

}  // namespace pyflame::cpu
