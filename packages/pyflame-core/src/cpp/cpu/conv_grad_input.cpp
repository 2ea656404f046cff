// The gradient of the image: transposed weights (depth x out) times the gradient (out x results) gives columns, which
// are added back to the image. A task owns some channels of one image, so nothing is added by two threads.
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
