// Several vectors of results at once share each weight: those of a few rows, or, where a plane has few, of one row. Their
// sums stay in registers over the whole window.
#include "cpu/depthwise.h"

#include "cpu/simd/apart.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

// Whole vectors: what is written behind the end is overwritten by what comes there, or lies in the room behind the last.
// Mostly one: the loop alone would become a call of memset.
template <class T>
inline void fill_zero(T* to, i64 n) {
  if (n <= 0) return;
  store(to, Vec<T>{});
  for (i64 x = kWidth<T>; x < n; x += kWidth<T>) store(to + x, Vec<T>{});
}

template <class T>
inline void copy(const T* in, i64 n, T* to) {
  i64 x = 0;
  for (; x + kWidth<T> <= n; x += kWidth<T>) store(to + x, load(in + x));
  if (x < n) store(to + x, load(in + x, Lanes<T>(static_cast<int>(n - x))));
}

template <class T>
void lay_out(const ConvPlane& p, const DepthwiseRows& rows, const T* image, i64 y, i64 count, T* out) {
  const i64 step = p.stride[1];
  for (i64 r = 0; r < count; ++r, out += rows.row) {
    const i64 from_y = y + r - p.padding[0];
    if (from_y < 0 || from_y >= p.h) {
      fill_zero(out, rows.row);
      continue;
    }
    for (i64 phase = 0; phase < step; ++phase) {
      T* to = out + phase * rows.phase;
      const i64 begin = rows.ends[2 * phase], end = rows.ends[2 * phase + 1];
      const T* in = image + from_y * p.w + phase - p.padding[1] + begin * step;
      fill_zero(to, begin);
      if (step == 1) {
        copy(in, end - begin, to + begin);
      } else if (step == 2) {
        for (i64 x = 0; x < end - begin; x += kWidth<T>) store(to + begin + x, load_apart(in + 2 * x, end - begin - x, 2));
      } else {
        for (i64 x = 0; x < end - begin; ++x) to[begin + x] = in[x * step];
      }
      fill_zero(to + end, rows.phase - end);
    }
  }
}

template <class T>
void spread(const ConvPlane& p, const DepthwiseRows& rows, const T* image, const i64* step, i64 y, i64 count, T* out) {
  const i64 numbers = (p.w - 1) / step[1] + 1, left = p.padding[1], room = rows.phase - left;
  const i64 begin = left < 0 ? (-left + step[1] - 1) / step[1] : 0, fit = room > 0 ? (room + step[1] - 1) / step[1] : 0;
  const i64 end = fit < numbers ? fit : numbers;
  for (i64 r = 0; r < count; ++r, out += rows.row) {
    fill_zero(out, rows.row);
    const i64 from_y = y + r - p.padding[0];
    if (from_y < 0 || from_y >= p.h || from_y % step[0]) continue;
    const T* in = image + from_y / step[0] * numbers;
    T* to = out + left;
    if (step[1] == 2) {  // a constant step becomes shuffles
      for (i64 x = begin; x < end; ++x) to[2 * x] = in[x];
    } else {
      for (i64 x = begin; x < end; ++x) to[x * step[1]] = in[x];
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

// Of kTaps window elements, whose sums stay in registers.
template <class T, int kTaps>
void products_of(const ConvPlane& p, const DepthwiseRows& rows, const i64* tap, const T* from, const T* grad, i64 count, T* sums) {
  Vec<T> totals[kTaps];
#pragma GCC unroll 9
  for (int k = 0; k < kTaps; ++k) totals[k] = Vec<T>{};
  for (i64 y = 0; y < count; ++y, from += p.stride[0] * rows.row, grad += p.ow) {
    i64 x = 0;
    for (; x + kWidth<T> <= p.ow; x += kWidth<T>) {
      const Vec<T> g = load(grad + x);
#pragma GCC unroll 9
      for (int k = 0; k < kTaps; ++k) totals[k] = fma(g, load(from + tap[k] + x), totals[k]);
    }
    if (x == p.ow) continue;
    const Lanes<T> lanes(static_cast<int>(p.ow - x));  // of both: zero times what lies beyond may be NaN
    const Vec<T> g = load(grad + x, lanes);
#pragma GCC unroll 9
    for (int k = 0; k < kTaps; ++k) totals[k] = fma(g, load(from + tap[k] + x, lanes), totals[k]);
  }
#pragma GCC unroll 9
  for (int k = 0; k < kTaps; ++k) store(sums + k * kWidth<T>, load(sums + k * kWidth<T>) + totals[k]);
}

template <class T>
void products(const ConvPlane& p, const DepthwiseRows& rows, const T* from, const T* grad, i64 count, T* sums) {
  const i64 window = p.window();
  i64 k = 0;
  for (; k + 9 <= window; k += 9) products_of<T, 9>(p, rows, rows.tap + k, from, grad, count, sums + k * kWidth<T>);
  for (; k + 5 <= window; k += 5) products_of<T, 5>(p, rows, rows.tap + k, from, grad, count, sums + k * kWidth<T>);
  for (; k < window; ++k) products_of<T, 1>(p, rows, rows.tap + k, from, grad, count, sums + k * kWidth<T>);
}

template <class T>
void totals(const T* sums, i64 window, T* out) {
  for (i64 k = 0; k < window; ++k) out[k] += sum(load(sums + k * kWidth<T>));
}

template <class T>
constexpr DepthwiseKernels<T> kernels() {
  return {lay_out<T>, spread<T>, multiply<T>, products<T>, totals<T>, kWidth<T>};
}

}  // namespace

const DepthwiseKernels<float> depthwise_float = kernels<float>();
const DepthwiseKernels<double> depthwise_double = kernels<double>();

}  // namespace pyflame::cpu::PYFLAME_TIER
