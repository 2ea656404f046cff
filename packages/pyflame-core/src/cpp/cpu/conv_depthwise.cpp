// Depthwise convolution and its gradients: a band of a padded plane at a time, which stays in the first-level cache.
#include "cpu/arithmetic.h"
#include "cpu/conv_float.h"
#include "cpu/depthwise.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kBandBytes = 24 * 1024, kWorkPerTask = 64 * 1024;

// How bands of a plane are laid out, and what of that is the same for all of them.
struct Layout {
  DepthwiseRows rows{};
  i64 band;  // rows of results

  Layout(const ConvPlane& p, i64 element_bytes) {
    const i64 step = p.stride[1], window = p.window();
    i64* tap = scratch<i64>(Scratch::kAmxState, window + 2 * step);
    i64* ends = tap + window;
    rows.phase = p.ow + (p.kw - 1) * p.dilation[1] / step, rows.row = step * rows.phase, rows.tap = tap, rows.ends = ends;
    for (i64 k = 0; k < window; ++k) {
      const i64 column = k % p.kw * p.dilation[1];
      tap[k] = k / p.kw * p.dilation[0] * rows.row + column % step * rows.phase + column / step;
    }
    for (i64 phase = 0; phase < step; ++phase) {
      const i64 first = phase - p.padding[1];  // column of the image, of the phase's first number
      const i64 begin = first >= 0 ? 0 : least((-first + step - 1) / step, rows.phase);
      const i64 end = first >= p.w ? 0 : least((p.w - first + step - 1) / step, rows.phase);
      ends[2 * phase] = begin, ends[2 * phase + 1] = end < begin ? begin : end;
    }
    const i64 fit = (kBandBytes / element_bytes / rows.row - (p.kh - 1) * p.dilation[0]) / p.stride[0];
    band = least(fit < 8 ? 8 : fit, p.oh);
  }
  i64 laid(const ConvPlane& p) const { return rows.rows(p, band) * rows.row; }
};

// body(first row, rows) for each band.
template <class Body>
void for_bands(const ConvPlane& p, i64 band, Body&& body) {
  for (i64 y = 0; y < p.oh; y += band) body(y, least(band, p.oh - y));
}

}  // namespace

template <class T>
void conv_depthwise(const ConvSizes& s, const T* input, const T* weight, const Epilogue<T>& e, T* out) {
  const ConvPlane& p = s.plane;
  const i64 planes = s.groups * s.out_channels, window = p.window();
  if (s.images * planes * p.result() == 0) return;
  const Layout layout(p, sizeof(T));
  const i64 grain = kWorkPerTask / (p.result() * window + 1) + 1;
  const DepthwiseKernels<T>& kernels = depthwise_kernels<T>();
  parallel_for(s.images * planes, grain, [&](i64 begin, i64 end) {
    T* laid = scratch<T>(Scratch::kColumns, layout.laid(p));
    DepthwiseRows at = layout.rows;
    i64 channel = begin % planes;
    for (i64 i = begin; i < end; ++i, channel = channel + 1 == planes ? 0 : channel + 1) {
      const T* from = input + (s.out_channels == 1 ? i : i / s.out_channels) * p.input();
      for_bands(p, layout.band, [&](i64 y, i64 count) {
        const i64 place = i * p.result() + y * p.ow;
        at.first = y * p.stride[0];
        kernels.lay_out(p, at, from, at.first, at.rows(p, count), laid);
        const DepthwiseFinish<T> finish{e.scale || e.shift, e.relu, e.scale ? e.scale[channel] : T(1),
                                        e.shift ? e.shift[channel] : T(0), e.residual ? e.residual + place : nullptr};
        kernels.multiply(p, at, laid, weight + channel * window, count, finish, out + place);
      });
    }
  });
}

// The gradient, spread by the stride and padded, under the window turned around.
template <class T>
void conv_depthwise_grad_input(const ConvSizes& s, const T* grad, const T* weight, T* out) {
  const ConvPlane& f = s.plane;
  const i64* step = f.stride;
  ConvPlane p{(f.oh - 1) * step[0] + 1, (f.ow - 1) * step[1] + 1, f.h, f.w, f.kh, f.kw, {1, 1}, {}, {f.dilation[0], f.dilation[1]}};
  p.padding[0] = (f.kh - 1) * f.dilation[0] - f.padding[0], p.padding[1] = (f.kw - 1) * f.dilation[1] - f.padding[1];
  const Layout layout(p, sizeof(T));
  const i64 window = p.window(), grain = kWorkPerTask / (p.result() * window + 1) + 1;
  const bool apart = step[0] > 1 || step[1] > 1;
  const DepthwiseKernels<T>& kernels = depthwise_kernels<T>();
  parallel_for(s.images * s.groups, grain, [&](i64 begin, i64 end) {
    T* laid = scratch<T>(Scratch::kColumns, layout.laid(p));
    T* turned = scratch<T>(Scratch::kWeights, window);
    DepthwiseRows at = layout.rows;
    for (i64 i = begin; i < end; ++i) {
      for (i64 o = 0; o < s.out_channels; ++o) {
        const T *from = grad + (i * s.out_channels + o) * f.result(), *own = weight + (i % s.groups * s.out_channels + o) * window;
        for (i64 k = 0; k < window; ++k) turned[k] = own[window - 1 - k];
        for_bands(p, layout.band, [&](i64 y, i64 count) {
          T* to = out + i * p.result() + y * p.ow;
          at.first = y;
          apart ? kernels.spread(p, at, from, step, y, at.rows(p, count), laid) : kernels.lay_out(p, at, from, y, at.rows(p, count), laid);
          kernels.multiply(p, at, laid, turned, count, {false, false, T(1), T(0), o ? to : nullptr}, to);
        });
      }
    }
  });
}

template <class T>
void conv_depthwise_grad_weight(const ConvSizes& s, const T* grad, const T* input, T* out) {
  const ConvPlane& p = s.plane;
  const Layout layout(p, sizeof(T));
  const DepthwiseKernels<T>& kernels = depthwise_kernels<T>();
  const i64 window = p.window(), sums_of = window * kernels.width;
  const i64 grain = kWorkPerTask / (s.images * s.out_channels * p.result() * window + 1) + 1;
  parallel_for(s.groups, grain, [&](i64 begin, i64 end) {
    T* laid = scratch<T>(Scratch::kColumns, layout.laid(p));
    T* sums = scratch<T>(Scratch::kPartials, s.out_channels * sums_of);
    DepthwiseRows at = layout.rows;
    for (i64 g = begin; g < end; ++g) {
      for (i64 i = 0; i < s.out_channels * sums_of; ++i) sums[i] = T(0);
      for (i64 image = 0; image < s.images; ++image) {
        const T *from = input + (image * s.groups + g) * p.input(), *upstream = grad + (image * s.groups + g) * s.out_channels * p.result();
        for_bands(p, layout.band, [&](i64 y, i64 count) {
          at.first = y * p.stride[0];
          kernels.lay_out(p, at, from, at.first, at.rows(p, count), laid);
          for (i64 o = 0; o < s.out_channels; ++o) {
            kernels.products(p, at, laid, upstream + o * p.result() + y * p.ow, count, sums + o * sums_of);
          }
        });
      }
      for (i64 o = 0; o < s.out_channels; ++o) {
        kernels.totals(sums + o * sums_of, window, out + (g * s.out_channels + o) * window);
      }
    }
  });
}

#define PYFLAME_INSTANTIATE(T)                                                                                    \
  template void conv_depthwise<T>(const ConvSizes&, const T*, const T*, const Epilogue<T>&, T*);                  \
  template void conv_depthwise_grad_input<T>(const ConvSizes&, const T*, const T*, T*);                           \
  template void conv_depthwise_grad_weight<T>(const ConvSizes&, const T*, const T*, T*);
PYFLAME_INSTANTIATE(float)
PYFLAME_INSTANTIATE(double)
#undef PYFLAME_INSTANTIATE

}  // namespace pyflame::cpu
