// Depthwise convolution, forward: a band of a padded plane at a time, which stays in the first-level cache.
#include "cpu/conv_float.h"
#include "cpu/depthwise.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kBandBytes = 24 * 1024, kWorkPerTask = 64 * 1024;

}  // namespace

template <class T>
void conv_depthwise(const ConvSizes& s, const T* input, const T* weight, const Epilogue<T>& e, T* out) {
  const ConvPlane& p = s.plane;
  const i64 planes = s.groups * s.out_channels, window = p.window();
  if (s.images * planes * p.result() == 0) return;
  i64* tap = scratch<i64>(Scratch::kAmxState, window);
  DepthwiseRows rows{};
  rows.phase = p.ow + (p.kw - 1) * p.dilation[1] / p.stride[1], rows.row = p.stride[1] * rows.phase, rows.tap = tap;
  for (i64 k = 0; k < window; ++k) {
    const i64 column = k % p.kw * p.dilation[1];
    tap[k] = k / p.kw * p.dilation[0] * rows.row + column % p.stride[1] * rows.phase + column / p.stride[1];
  }
  const i64 fit = kBandBytes / static_cast<i64>(sizeof(T)) / rows.row - (p.kh - 1) * p.dilation[0];
  const i64 wanted = fit / p.stride[0] < 8 ? 8 : fit / p.stride[0], band = wanted < p.oh ? wanted : p.oh;
  const i64 grain = kWorkPerTask / (p.result() * window + 1) + 1;
  const DepthwiseKernels<T>& kernels = depthwise_kernels<T>();
  parallel_for(s.images * planes, grain, [&](i64 begin, i64 end) {
    T* laid = scratch<T>(Scratch::kColumns, rows.rows(p, band) * rows.row);
    DepthwiseRows at = rows;
    for (i64 i = begin; i < end; ++i) {
      const i64 image = i / planes, channel = i % planes;
      const T* from = input + (image * s.groups + channel / s.out_channels) * p.input();
      for (i64 y = 0; y < p.oh; y += band) {
        const i64 count = band < p.oh - y ? band : p.oh - y, place = i * p.result() + y * p.ow;
        at.first = y * p.stride[0];
        kernels.lay_out(p, rows, from, at.first, rows.rows(p, count), laid);
        const DepthwiseFinish<T> finish{e.scale || e.shift, e.relu, e.scale ? e.scale[channel] : T(1),
                                        e.shift ? e.shift[channel] : T(0), e.residual ? e.residual + place : nullptr};
        kernels.multiply(p, at, laid, weight + channel * window, count, finish, out + place);
      }
    }
  });
}

template void conv_depthwise<float>(const ConvSizes&, const float*, const float*, const Epilogue<float>&, float*);
template void conv_depthwise<double>(const ConvSizes&, const double*, const double*, const Epilogue<double>&, double*);

}  // namespace pyflame::cpu
