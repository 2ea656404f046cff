// A few rows of results at once share each weight; their sums stay in registers over the whole window.
#include "cpu/depthwise.h"

#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

template <class T>
void lay_out(const ConvPlane& p, const DepthwiseRows& rows, const T* image, i64 y, i64 count, T* out) {
  const i64 step = p.stride[1];
  for (i64 r = 0; r < count; ++r, out += rows.row) {
    const i64 from_y = y + r - p.padding[0];
    const bool inside = from_y >= 0 && from_y < p.h;
    const T* from = image + from_y * p.w;
    for (i64 phase = 0; phase < step; ++phase) {
      T* to = out + phase * rows.phase;
      const i64 first = phase - p.padding[1];  // column of the image, of the phase's first number
      i64 begin = first >= 0 ? 0 : (-first + step - 1) / step;
      i64 end = first >= p.w || !inside ? 0 : (p.w - first + step - 1) / step;
      begin = begin < rows.phase ? begin : rows.phase, end = end < rows.phase ? end : rows.phase;
      if (end < begin) end = begin;
      for (i64 x = 0; x < begin; ++x) to[x] = T(0);
      const T* in = from + first;
      if (step == 1) {
        for (i64 x = begin; x < end; ++x) to[x] = in[x];
      } else if (step == 2) {  // a constant stride becomes shuffles
        for (i64 x = begin; x < end; ++x) to[x] = in[2 * x];
      } else {
        for (i64 x = begin; x < end; ++x) to[x] = in[x * step];
      }
      for (i64 x = end; x < rows.phase; ++x) to[x] = T(0);
    }
  }
}

template <class T>
Vec<T> finished(Vec<T> sum, const DepthwiseFinish<T>& f, const T* residual, i64 left) {
  if (f.affine) sum = sum * broadcast(f.scale) + broadcast(f.shift);
  if (f.residual) {
    sum = sum + (left >= kWidth<T> ? load(residual) : load(residual, Lanes<T>(static_cast<int>(left))));
  }
  return f.relu ? (sum < Vec<T>{} ? Vec<T>{} : sum) : sum;
}

template <class T, int kRows>
void rows_of(const ConvPlane& p, const DepthwiseRows& rows, const T* from, const T* weight, i64 y,
             const DepthwiseFinish<T>& finish, T* out) {
  const i64 window = p.kh * p.kw, down = p.stride[0] * rows.row;
  from += y * down;
  for (i64 x = 0; x < p.ow; x += kWidth<T>) {
    Vec<T> sums[kRows] = {};
    for (i64 k = 0; k < window; ++k) {
      const Vec<T> scale = broadcast(weight[k]);
      const T* at = from + rows.tap[k] + x;
      for (int i = 0; i < kRows; ++i) sums[i] = fma(load(at + i * down), scale, sums[i]);
    }
    const i64 left = p.ow - x;
    for (int i = 0; i < kRows; ++i) {
      const i64 place = (y + i) * p.ow + x;
      const Vec<T> value = finished(sums[i], finish, finish.residual + place, left);
      if (left >= kWidth<T>) {
        store(out + place, value);
      } else {
        store(out + place, value, Lanes<T>(static_cast<int>(left)));
      }
    }
  }
}

template <class T>
void multiply(const ConvPlane& p, const DepthwiseRows& rows, const T* from, const T* weight, i64 count,
              const DepthwiseFinish<T>& finish, T* out) {
  i64 y = 0;
  for (; y + 8 <= count; y += 8) rows_of<T, 8>(p, rows, from, weight, y, finish, out);
  for (; y + 4 <= count; y += 4) rows_of<T, 4>(p, rows, from, weight, y, finish, out);
  for (; y + 2 <= count; y += 2) rows_of<T, 2>(p, rows, from, weight, y, finish, out);
  for (; y < count; ++y) rows_of<T, 1>(p, rows, from, weight, y, finish, out);
}

}  // namespace

const DepthwiseKernels<float> depthwise_float = {lay_out<float>, multiply<float>};
const DepthwiseKernels<double> depthwise_double = {lay_out<double>, multiply<double>};

}  // namespace pyflame::cpu::PYFLAME_TIER
