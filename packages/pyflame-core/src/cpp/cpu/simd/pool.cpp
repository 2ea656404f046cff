// Pooling goes through a row of results one window element at a time, so that the inner loop runs along the row.
#include <type_traits>
#include <vector>

#include "cpu/pool_kernels.h"
#include "cpu/simd/apart.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

constexpr i64 kChunk = 256;

struct Range {
  i64 begin, end;
};

// The results x in [first, last) whose window element at `offset` lies inside [0, extent).
Range inside(i64 first, i64 last, i64 stride, i64 offset, i64 extent) {
  i64 begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  i64 end = offset >= extent ? 0 : (extent - offset + stride - 1) / stride;
  begin = begin < first ? first : begin;
  end = end > last ? last : end;
  return {begin, end < begin ? begin : end};
}

template <class T>
constexpr T lowest() {
  if constexpr (T(0.5) != T(0)) return static_cast<T>(-__builtin_inf());
  return T(-1) > T(0) ? T(0) : static_cast<T>(u64{1} << (sizeof(T) * 8 - 1));
}

// NaN wins over everything.
template <class T>
inline T larger(T value, T best) {
  return (value > best) | (value != value) ? value : best;
}

// kStride 0: known at run time only.
template <class T, int kStride>
void raise(const T* in, i64 stride, i64 n, int tap, T* __restrict best, int* __restrict taps) {
  if (kStride) stride = kStride;
  for (i64 x = 0; x < n; ++x) {
    T value = in[x * stride];
    bool larger = (value > best[x]) | (taps[x] < 0) | ((value != value) & (best[x] == best[x]));
    best[x] = larger ? value : best[x];
    taps[x] = larger ? tap : taps[x];
  }
}

void max_last(const PoolPlane& p, i64 channels, const float* in, i64 begin, i64 end, float* out) {
  const PoolGeometry& g = p.g;
  for (i64 y = begin; y < end; ++y) {
    for (i64 x = 0; x < p.ow; ++x) {
      float* __restrict best = out + (y * p.ow + x) * channels;
      for (i64 c = 0; c < channels; ++c) best[c] = lowest<float>();
      for (i64 k = 0; k < g.kernel[0] * g.kernel[1]; ++k) {
        i64 row = y * g.stride[0] - g.padding[0] + k / g.kernel[1] * g.dilation[0];
        i64 column = x * g.stride[1] - g.padding[1] + k % g.kernel[1] * g.dilation[1];
        if (row < 0 || row >= p.h || column < 0 || column >= p.w) continue;
        const float* __restrict from = in + (row * p.w + column) * channels;
        for (i64 c = 0; c < channels; ++c) best[c] = larger(from[c], best[c]);
      }
    }
  }
}

template <class T>
void max_chunk(const PoolPlane& p, const T* in, i64 y, i64 first, i64 last, T* best, int* taps) {
  const PoolGeometry& g = p.g;
  for (i64 i = 0; i < last - first; ++i) best[i] = lowest<T>(), taps[i] = -1;
  for (i64 r = 0; r < g.kernel[0]; ++r) {
    i64 row = y * g.stride[0] - g.padding[0] + r * g.dilation[0];
    if (row < 0 || row >= p.h) continue;
    for (i64 s = 0; s < g.kernel[1]; ++s) {
      i64 offset = s * g.dilation[1] - g.padding[1];
      Range xs = inside(first, last, g.stride[1], offset, p.w);
      if (xs.begin == xs.end) continue;
      const T* from = in + row * p.w + xs.begin * g.stride[1] + offset;
      auto step = g.stride[1] == 1 ? raise<T, 1> : g.stride[1] == 2 ? raise<T, 2> : raise<T, 0>;
      step(from, g.stride[1], xs.end - xs.begin, static_cast<int>(r * g.kernel[1] + s), best + xs.begin - first,
           taps + xs.begin - first);
    }
  }
}

template <class T, int kStride>
void raise_values(const T* in, i64 stride, i64 n, T* __restrict best) {
  if (kStride) stride = kStride;
  for (i64 x = 0; x < n; ++x) best[x] = larger(in[x * stride], best[x]);
}

// The largest values without their positions: of a window's rows first, then of its columns.
template <class T>
void max_values(const PoolPlane& p, const T* in, T* out) {
  const PoolGeometry& g = p.g;
  std::vector<T> line(static_cast<std::size_t>(p.w));
  for (i64 y = 0; y < p.oh; ++y) {
    const T* tops = nullptr;
    for (i64 r = 0; r < g.kernel[0]; ++r) {
      i64 row = y * g.stride[0] - g.padding[0] + r * g.dilation[0];
      if (row < 0 || row >= p.h) continue;
      if (!tops) {
        tops = in + row * p.w;
        continue;
      }
      const T* other = in + row * p.w;
      T* merged = line.data();
#pragma GCC ivdep
      for (i64 x = 0; x < p.w; ++x) merged[x] = larger(other[x], tops[x]);
      tops = merged;
    }
    T* to = out + y * p.ow;
    for (i64 x = 0; x < p.ow; ++x) to[x] = lowest<T>();
    for (i64 s = 0; s < g.kernel[1]; ++s) {
      i64 offset = s * g.dilation[1] - g.padding[1];
      Range xs = inside(0, p.ow, g.stride[1], offset, p.w);
      if (xs.begin == xs.end) continue;
      auto step = g.stride[1] == 1 ? raise_values<T, 1> : g.stride[1] == 2 ? raise_values<T, 2> : raise_values<T, 0>;
      step(tops + xs.begin * g.stride[1] + offset, g.stride[1], xs.end - xs.begin, to + xs.begin);
    }
  }
}

// Results [first, last) of row y with their positions, of windows whose columns all lie inside the plane.
template <class T>
void max_inside(const PoolPlane& p, const T* in, i64 y, i64 first, i64 last, T* out, i64* indices) {
  typedef std::conditional_t<sizeof(T) == 4, int, i64> Place;
  typedef Place Places __attribute__((vector_size(kVectorBytes)));
  const PoolGeometry& g = p.g;
  const i64 top = y * g.stride[0] - g.padding[0];
  for (i64 x = first; x < last; x += kWidth<T>) {
    const i64 n = last - x < kWidth<T> ? last - x : kWidth<T>, left = x * g.stride[1] - g.padding[1];
    Vec<T> best{};
    Places at = Places{} - 1;  // nothing seen yet
    for (i64 r = 0; r < g.kernel[0]; ++r) {
      const i64 row = top + r * g.dilation[0];
      if (row < 0 || row >= p.h) continue;
      for (i64 s = 0; s < g.kernel[1]; ++s) {
        const Vec<T> value = load_apart(in + row * p.w + left + s * g.dilation[1], n, g.stride[1]);
        const auto larger = (value > best) | ((value != value) & (best == best)) | (at < 0);
        best = larger ? value : best;
        at = larger ? Places{} + static_cast<Place>(p.taps[r * g.kernel[1] + s]) : at;
      }
    }
    const i64 corner = top * p.w + left;
    if (n == kWidth<T>) {
      store(out + x, best);
    } else {
      store(out + x, best, Lanes<T>(static_cast<int>(n)));
    }
    for (i64 i = 0; i < n; ++i) indices[x + i] = corner + i * g.stride[1] + at[static_cast<int>(i)];
  }
}

template <class T>
void max_plane(const PoolPlane& p, const void* in, void* out, i64* indices) {
  if (!indices) return max_values(p, static_cast<const T*>(in), static_cast<T*>(out));
  const PoolGeometry& g = p.g;
  // Columns of results whose windows lie inside, where vectors know comparisons with NaN and places fit into lanes.
  i64 begin = p.ow, end = p.ow;
  if constexpr (T(0.5) != T(0)) {
    const i64 room = p.w + g.padding[1] - (g.kernel[1] - 1) * g.dilation[1] - 1;
    if (room >= 0 && p.h * p.w < (i64{1} << 31)) {
      begin = (g.padding[1] + g.stride[1] - 1) / g.stride[1], end = room / g.stride[1] + 1;
      begin = begin < p.ow ? begin : p.ow, end = end < p.ow ? end : p.ow;
      end = end < begin ? begin : end;
    }
  }
  T best[kChunk];
  int taps[kChunk];
  for (i64 y = 0; y < p.oh; ++y) {
    T* to = static_cast<T*>(out) + y * p.ow;
    i64* places = indices + y * p.ow;
    const i64 corner = (y * g.stride[0] - g.padding[0]) * p.w - g.padding[1];
    auto one_by_one = [&](i64 from, i64 until) {
      for (i64 first = from; first < until; first += kChunk) {
        i64 last = first + kChunk < until ? first + kChunk : until;
        max_chunk(p, static_cast<const T*>(in), y, first, last, best, taps);
        for (i64 x = first; x < last; ++x) {
          const int tap = taps[x - first];
          to[x] = best[x - first];
          places[x] = tap < 0 ? -1 : corner + x * g.stride[1] + p.taps[tap];
        }
      }
    };
    one_by_one(0, begin);
    if constexpr (T(0.5) != T(0)) max_inside(p, static_cast<const T*>(in), y, begin, end, to, places);
    one_by_one(end, p.ow);
  }
}

// The window of result `at` in one dimension: as counted with padding, and its part inside the plane.
struct Window {
  i64 counted, begin, end;
};
Window window_at(const PoolPlane& p, int dim, i64 at) {
  i64 extent = dim ? p.w : p.h;
  i64 begin = at * p.g.stride[dim] - p.g.padding[dim], end = begin + p.g.kernel[dim];
  end = end < extent + p.g.padding[dim] ? end : extent + p.g.padding[dim];
  return {end - begin, begin < 0 ? 0 : begin, end < extent ? end : extent};
}
i64 divisor_of(const PoolPlane& p, const Window& y, const Window& x) {
  return p.divisor ? p.divisor : p.count_include_pad ? y.counted * x.counted : (y.end - y.begin) * (x.end - x.begin);
}

template <class T>
T run_sum(const T* x, i64 n) {
  constexpr i64 w = kWidth<T>;
  Vec<T> a{}, b{};
  i64 i = 0;
  for (; i + 2 * w <= n; i += 2 * w) a += load(x + i), b += load(x + i + w);
  T total = sum(a + b);
  for (; i < n; ++i) total += x[i];
  return total;
}

template <class T>
void average_plane(const PoolPlane& p, const T* in, T* out) {
  for (i64 y = 0; y < p.oh; ++y) {
    Window rows = window_at(p, 0, y);
    for (i64 x = 0; x < p.ow; ++x) {
      Window columns = window_at(p, 1, x);
      T sum = 0;
      if (columns.begin == 0 && columns.end == p.w) {  // whole rows, one after another
        sum = rows.begin < rows.end ? run_sum(in + rows.begin * p.w, (rows.end - rows.begin) * p.w) : T(0);
      } else {
        for (i64 r = rows.begin; r < rows.end; ++r) {
          for (i64 s = columns.begin; s < columns.end; ++s) sum += in[r * p.w + s];
        }
      }
      bool empty = rows.begin >= rows.end || columns.begin >= columns.end;
      out[y * p.ow + x] = empty ? T(0) : sum / static_cast<T>(divisor_of(p, rows, columns));
    }
  }
}

template <class T>
void average_grad_plane(const PoolPlane& p, const T* grad, T* out) {
  for (i64 y = 0; y < p.oh; ++y) {
    Window rows = window_at(p, 0, y);
    for (i64 x = 0; x < p.ow; ++x) {
      Window columns = window_at(p, 1, x);
      if (rows.begin >= rows.end || columns.begin >= columns.end) continue;
      T share = grad[y * p.ow + x] / static_cast<T>(divisor_of(p, rows, columns));
      for (i64 r = rows.begin; r < rows.end; ++r) {
        for (i64 s = columns.begin; s < columns.end; ++s) out[r * p.w + s] += share;
      }
    }
  }
}

}  // namespace

const PoolKernels pool_kernels = {
    {nullptr, max_plane<u8>, max_plane<std::int8_t>, max_plane<std::int16_t>, max_plane<std::int32_t>, max_plane<i64>,
     nullptr, nullptr, max_plane<float>, max_plane<double>},
    max_last, average_plane<float>, average_plane<double>, average_grad_plane<float>, average_grad_plane<double>};

}  // namespace pyflame::cpu::PYFLAME_TIER
