// Several vectors of results at once share each weight: those of a few rows, or, where a plane has few, of one row. Their
// sums stay in registers over the whole window.
#include "cpu/depthwise.h"

#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

// Whole vectors: what is written behind the end is overwritten by what comes there, or lies in the room behind the last.
template <class T>
void fill_zero(T* to, i64 n) {
  for (i64 x = 0; x < n; x += kWidth<T>) store(to + x, Vec<T>{});
}

template <class T>
void copy(const T* in, i64 n, T* to) {
  i64 x = 0;
  for (; x + kWidth<T> <= n; x += kWidth<T>) store(to + x, load(in + x));
  if (x < n) store(to + x, load(in + x, Lanes<T>(static_cast<int>(n - x))));
}

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
      fill_zero(to, begin);
      const T* in = from + first;
      if (step == 1) {
        copy(in + begin, end - begin, to + begin);
      } else if (step == 2) {  // a constant stride becomes shuffles
        for (i64 x = begin; x < end; ++x) to[x] = in[2 * x];
      } else {
        for (i64 x = begin; x < end; ++x) to[x] = in[x * step];
      }
      fill_zero(to + end, rows.phase - end);
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
    Vec<T> sums[kRows];
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) sums[i] = Vec<T>{};
    for (i64 k = 0; k < window; ++k) {
      const Vec<T> scale = broadcast(weight[k]);
      const T* at = from + rows.tap[k] + x;
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) sums[i] = fma(load(at + i * down), scale, sums[i]);
    }
    const i64 left = p.ow - x;
#pragma GCC unroll 8
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

// kVectors vectors of one row, from column x on; window rows [begin, end).
template <class T, int kVectors>
void part_of_row(const ConvPlane& p, const DepthwiseRows& rows, const T* from, const T* weight, i64 begin, i64 end, i64 x,
                 const DepthwiseFinish<T>& finish, i64 place, T* out) {
  Vec<T> sums[kVectors];
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; ++j) sums[j] = Vec<T>{};
  for (i64 k = begin * p.kw; k < end * p.kw; ++k) {
    const Vec<T> scale = broadcast(weight[k]);
    const T* at = from + rows.tap[k] + x;
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) sums[j] = fma(load(at + j * kWidth<T>), scale, sums[j]);
  }
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; ++j) {
    const i64 column = x + j * kWidth<T>, left = p.ow - column;
    const Vec<T> value = finished(sums[j], finish, finish.residual + place + column, left);
    if (left >= kWidth<T>) {
      store(out + place + column, value);
    } else {
      store(out + place + column, value, Lanes<T>(static_cast<int>(left)));
    }
  }
}

// Row y of the band. Window rows outside the image are left out.
template <class T>
void row_of(const ConvPlane& p, const DepthwiseRows& rows, const T* from, const T* weight, i64 y,
            const DepthwiseFinish<T>& finish, T* out) {
  const i64 above = -(rows.first + y * p.stride[0] - p.padding[0]), below = above + p.h, step = p.dilation[0];
  i64 begin = above > 0 ? (above + step - 1) / step : 0, end = below > 0 ? (below + step - 1) / step : 0;
  begin = begin < p.kh ? begin : p.kh, end = end < p.kh ? end : p.kh;
  from += y * p.stride[0] * rows.row;
  i64 x = 0;
  const i64 place = y * p.ow, width = kWidth<T>;
  for (; p.ow - x > 5 * width; x += 6 * width) part_of_row<T, 6>(p, rows, from, weight, begin, end, x, finish, place, out);
  for (; p.ow - x > 2 * width; x += 3 * width) part_of_row<T, 3>(p, rows, from, weight, begin, end, x, finish, place, out);
  for (; x < p.ow; x += width) part_of_row<T, 1>(p, rows, from, weight, begin, end, x, finish, place, out);
}

template <class T>
void multiply(const ConvPlane& p, const DepthwiseRows& rows, const T* from, const T* weight, i64 count,
              const DepthwiseFinish<T>& finish, T* out) {
  i64 y = 0;
  if (p.oh >= 8 || p.ow <= kWidth<T>) {
    for (; y + 8 <= count; y += 8) rows_of<T, 8>(p, rows, from, weight, y, finish, out);
    for (; y + 4 <= count; y += 4) rows_of<T, 4>(p, rows, from, weight, y, finish, out);
  }
  for (; y < count; ++y) row_of(p, rows, from, weight, y, finish, out);
}

}  // namespace

const DepthwiseKernels<float> depthwise_float = {lay_out<float>, multiply<float>};
const DepthwiseKernels<double> depthwise_double = {lay_out<double>, multiply<double>};

}  // namespace pyflame::cpu::PYFLAME_TIER
