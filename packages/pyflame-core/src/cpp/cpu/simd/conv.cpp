// The inner loop is always along a row of results, clipped to where the window element lies inside the image.
#include "cpu/conv_kernels.h"
#include "cpu/simd/simd.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

struct Range {
  i64 begin, end;
};

// Results x in [0, count) with 0 <= x * stride + offset < extent.
Range inside(i64 count, i64 stride, i64 offset, i64 extent) {
  i64 begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  i64 end = offset >= extent ? 0 : (extent - offset + stride - 1) / stride;
  end = end > count ? count : end;
  return {begin, end < begin ? begin : end};
}

// Mostly of no number or one: the loop alone would become a call of memset.
template <class T>
inline void fill_zero(T* out, i64 n) {
  if (n <= 0) return;
  out[0] = T(0);
  for (i64 i = 1; i < n; ++i) out[i] = T(0);
}

template <class T>
inline void copy_row(const T* in, i64 stride, i64 n, T* out) {
  if (stride == 1) {
    i64 i = 0;
    for (; i + kWidth<T> <= n; i += kWidth<T>) store(out + i, load(in + i));
    if (i < n) {
      Lanes<T> tail(static_cast<int>(n - i));
      store(out + i, load(in + i, tail), tail);
    }
  } else if (stride == 2) {  // a constant stride becomes shuffles
    for (i64 i = 0; i < n; ++i) out[i] = in[2 * i];
  } else {
    for (i64 i = 0; i < n; ++i) out[i] = in[i * stride];
  }
}

// Splits results [p_begin, p_end) into row segments: body(row y, first x, end x).
template <class Body>
void each_segment(const ConvPlane& p, i64 p_begin, i64 p_end, Body&& body) {
  i64 y = p_begin / p.ow, x = p_begin % p.ow;
  for (i64 at = p_begin; at < p_end; ++y, x = 0) {
    i64 end = p.ow < x + p_end - at ? p.ow : x + p_end - at;
    body(y, x, end);
    at += end - x;
  }
}

struct Tap {
  i64 row, column;  // offset of the window element from the result's position times the stride
  Range xs;
};
Tap tap_at(const ConvPlane& p, i64 k) {
  i64 r = k / p.kw, s = k % p.kw;
  i64 column = s * p.dilation[1] - p.padding[1];
  return {r * p.dilation[0] - p.padding[0], column, inside(p.ow, p.stride[1], column, p.w)};
}

// Of results as wide as the image, without strides: they read neighbouring numbers, but for those that a row's window
// element finds outside the image.
template <class T>
void shifted(const ConvPlane& p, const T* plane, const Tap& tap, i64 p_begin, i64 p_end, T* out) {
  const i64 shift = tap.row * p.w + tap.column;
  const Range ys = inside(p.oh, 1, tap.row, p.h);
  auto clipped = [&](i64 at) { return at < p_begin ? p_begin : at > p_end ? p_end : at; };
  const i64 first = ys.begin * p.ow > -shift ? ys.begin * p.ow : -shift, last = p.input() - shift < ys.end * p.ow ? p.input() - shift : ys.end * p.ow;
  const i64 begin = clipped(first), end = clipped(last) < begin ? begin : clipped(last);
  fill_zero(out, begin - p_begin);
  copy_row(plane + begin + shift, 1, end - begin, out + begin - p_begin);
  fill_zero(out + end - p_begin, p_end - end);
  const i64 outside = tap.xs.begin > 0 ? tap.xs.begin : p.ow - tap.xs.end, from = tap.xs.begin > 0 ? 0 : tap.xs.end;
  if (outside == 0) return;
  for (i64 row = p_begin / p.ow * p.ow; row < p_end; row += p.ow) {
    for (i64 at = row + from; at < row + from + outside; ++at) {
      if (at >= p_begin && at < p_end) out[at - p_begin] = T(0);
    }
  }
}

template <class T>
void columns(const ConvPlane& p, const T* image, i64 k_begin, i64 k_end, i64 p_begin, i64 p_end, T* out, i64 ld) {
  const bool straight = p.stride[0] == 1 && p.stride[1] == 1 && p.w == p.ow;
  for (i64 k = k_begin; k < k_end; ++k, out += ld) {
    const T* plane = image + k / p.window() * p.input();
    Tap tap = tap_at(p, k % p.window());
    if (straight && tap.xs.begin < tap.xs.end) {
      shifted(p, plane, tap, p_begin, p_end, out);
      continue;
    }
    T* to = out;
    each_segment(p, p_begin, p_end, [&](i64 y, i64 x, i64 end) {
      i64 row = y * p.stride[0] + tap.row, n = end - x;
      if (row < 0 || row >= p.h) {
        fill_zero(to, n);
      } else {
        i64 lo = tap.xs.begin < x ? x : tap.xs.begin > end ? end : tap.xs.begin;
        i64 hi = tap.xs.end > end ? end : tap.xs.end < lo ? lo : tap.xs.end;
        fill_zero(to, lo - x);
        copy_row(plane + row * p.w + lo * p.stride[1] + tap.column, p.stride[1], hi - lo, to + lo - x);
        fill_zero(to + hi - x, end - hi);
      }
      to += n;
    });
  }
}

template <class T>
void add_columns(const ConvPlane& p, const T* columns, i64 ld, i64 k_begin, i64 k_end, i64 p_begin, i64 p_end,
                 T* image) {
  for (i64 k = k_begin; k < k_end; ++k, columns += ld) {
    T* plane = image + k / p.window() * p.input();
    Tap tap = tap_at(p, k % p.window());
    const T* from = columns;
    each_segment(p, p_begin, p_end, [&](i64 y, i64 x, i64 end) {
      i64 row = y * p.stride[0] + tap.row;
      i64 lo = tap.xs.begin < x ? x : tap.xs.begin, hi = tap.xs.end > end ? end : tap.xs.end;
      if (row >= 0 && row < p.h && lo < hi) {
        T* to = plane + row * p.w + lo * p.stride[1] + tap.column;
        const T* add = from + lo - x;
        i64 n = hi - lo, stride = p.stride[1];
        if (stride == 1) {
          for (i64 i = 0; i < n; ++i) to[i] += add[i];
        } else {
          for (i64 i = 0; i < n; ++i) to[i * stride] += add[i];
        }
      }
      from += end - x;
    });
  }
}

}  // namespace

const ConvKernels<float> conv_float = {columns<float>, add_columns<float>};
const ConvKernels<double> conv_double = {columns<double>, add_columns<double>};

}  // namespace pyflame::cpu::PYFLAME_TIER
