// Forward convolution as a product: weights (out x depth) times the image laid out as columns (depth x results). The
// columns exist one tile at a time, in scratch; the weights are packed once per block of depth for all images.
#include "cpu/arithmetic.h"
#include "cpu/conv_float.h"
#include "cpu/conv_tile.h"
#include "cpu/gemm_blocked.h"
#include "cpu/packed_weights.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kBlockRows = 1008, kBlockDepth = 384, kTile = 256;
// Packing weights costs as much as multiplying them with some 20 results: they are kept where results are few.
constexpr i64 kMostResultsToKeep = 1024, kMostWeightsToKeep = 64 * 1024;

// The row stride of a tile of columns: off the multiples of 1 KB that share cache sets.
i64 column_stride(i64 n) { return n % 64 == 0 ? n + 16 : n; }

// One block of one group: rows [0, m) of the weights by depth [k0, k0 + k).
template <class T>
struct Block {
  const ConvSizes& s;
  const T* input;  // first channel of the group in the first image
  i64 channel;     // first row of the block
  T* out;          // in the first image
  const T* packed;
  i64 m, rows, k0, k;
  Epilogue<T> epilogue;  // of all channels; the residual as `out` begins

  void run() const {
    const i64 p = s.plane.result(), tile = least(p, kTile), tiles = ceil_div(p, tile), panels = ceil_div(m, rows);
    // A few images alone do not keep all threads busy: then the rows are split too.
    const i64 splits = s.images * tiles < 4 && num_threads() > 1 ? least(ceil_div(4, s.images * tiles), panels) : 1;
    const i64 share = ceil_div(panels, splits), tasks = s.images * tiles * splits;
    const bool threaded = s.images * m * k * p >= kThreadedWork;
    parallel_for(tasks, threaded ? 1 : tasks, [&](i64 begin, i64 end) {
      for (i64 task = begin; task < end; ++task) {
        i64 split = task % splits, at = task / splits % tiles * tile, image = task / splits / tiles;
        step(image, at, least(tile, p - at), split * share, least((split + 1) * share, panels));
      }
    });
  }
  void step(i64 image, i64 at, i64 n, i64 row_begin, i64 row_end) const {
    const i64 p = s.plane.result();
    const T* from = input + image * s.image_size();
    const i64 place = image * s.result_size() + at;
    if (s.pointwise() && p * static_cast<i64>(sizeof(T)) % 1024 != 0) {
      return multiply(from + k0 * p + at, p, n, false, row_begin, row_end, place);
    }
    const i64 step = column_stride(n);
    T* columns = scratch<T>(Scratch::kColumns, k * step);
    conv_kernels<T>().columns(s.plane, from, k0, k0 + k, at, at + n, columns, step);
    multiply(columns, step, n, true, row_begin, row_end, place);
  }
  // `readable`: whole vectors may be read behind any row of the columns.
  void multiply(const T* columns, i64 step, i64 n, bool readable, i64 row_begin, i64 row_end, i64 place) const {
    const ConvTileKernels<T>& kernels = conv_tile_kernels<T>();
    const i64 panel = 2 * kernels.width, p = s.plane.result();
    const bool last = k0 + k == s.depth();
    for (i64 j = 0; j < n; j += panel) {
      const i64 count = least(panel, n - j), vectors = ceil_div(count, kernels.width);
      const int tail = static_cast<int>(count - (vectors - 1) * kernels.width);
      ConvTile<T> tile{k, nullptr, columns + j, step, nullptr, p, tail, k0 > 0, last && epilogue.relu, nullptr, nullptr, nullptr};
      if (!readable && !kernels.masked && tail != kernels.width) {
        T* copy = scratch<T>(Scratch::kPackedB, k * panel);
        product_kernels<T>().pack(tile.columns, 1, step, count, k, vectors * kernels.width, copy);
        tile.columns = copy, tile.column_step = vectors * kernels.width;
      }
      for (i64 i = row_begin; i < row_end; ++i) {
        const i64 row = i * rows, at = place + row * p + j;
        tile.weights = packed + row * k;
        tile.out = out + at;
        if (last && epilogue.scale) tile.scale = epilogue.scale + channel + row, tile.shift = epilogue.shift + channel + row;
        if (last && epilogue.residual) tile.residual = epilogue.residual + at;
        kernels.tiles[vectors - 1][least(rows, m - row) - 1](tile);
      }
    }
  }
};

template <class T>
void pack_panels(const T* from, i64 w_row, i64 w_col, i64 m, i64 k, i64 rows, T* packed) {
  const i64 panels = ceil_div(m, rows);
  parallel_for(panels, m * k >= 64 * 1024 ? 4 : panels, [&](i64 begin, i64 end) {
    const i64 first = begin * rows, count = least(end * rows, m) - first;
    pack_rows(from + first * w_row, w_row, w_col, count, k, rows, packed + first * k);
  });
}

// Where packed weights are kept with the buffer, or nullptr; `fresh`: they are to be packed now.
template <class T>
T* kept_panels(const ConvSizes& s, const T* weight, Buffer* buffer, bool* fresh) {
  *fresh = false;
  if (sizeof(T) != sizeof(float) || s.images * s.plane.result() > kMostResultsToKeep) return nullptr;
  if (s.weight_size() > kMostWeightsToKeep) return nullptr;
  const WeightKey key{weight, WeightKey::User::kPlanes, {s.groups, s.in_channels, s.out_channels, s.plane.kh, s.plane.kw}};
  PackedWeights* kept = kept_weights(buffer, key, s.weight_size() * 2, 1, "conv2d", fresh);
  return kept ? reinterpret_cast<T*>(kept->panels) : nullptr;
}

// Every result of one place: a product with the whole input of an image.
bool single_results(const ConvSizes& s) {
  return s.groups == 1 && s.plane.result() == 1 && s.pointwise();
}

template <class T>
void finish(const ConvSizes& s, const Epilogue<T>& e, T* out) {
  const i64 plane = s.plane.result(), channels = s.groups * s.out_channels;
  for (i64 i = 0; i < s.images * channels; ++i) {
    for (T *to = out + i * plane, *end = to + plane; to < end; ++to) {
      T value = *to;
      if (e.scale) value = value * e.scale[i % channels] + e.shift[i % channels];
      if (e.residual) value += e.residual[to - out];
      *to = e.relu && value < 0 ? 0 : value;
    }
  }
}

}  // namespace

// Weights as a matrix with any strides, so that the gradient of a pointwise convolution is one of these too.
template <class T>
void conv_product(const ConvSizes& s, const T* input, const WeightMatrix<T>& w, const Epilogue<T>& epilogue, T* out) {
  bool fresh;
  T* kept = kept_panels(s, w.data, w.buffer, &fresh);
  for (i64 group = 0; group < s.groups; ++group) {
    for (i64 k0 = 0; k0 < s.depth(); k0 += kBlockDepth) {
      i64 k = least(kBlockDepth, s.depth() - k0);
      for (i64 i0 = 0; i0 < s.out_channels; i0 += kBlockRows) {
        i64 m = least(kBlockRows, s.out_channels - i0), rows = even_panel(m, conv_tile_kernels<T>().rows);
        T* packed = kept ? kept : scratch<T>(Scratch::kWeights, m * k);
        const T* from = w.data + group * w.group + i0 * w.row + k0 * w.column;
        if (!kept || fresh) pack_panels(from, w.row, w.column, m, k, rows, packed);
        const i64 channel = group * s.out_channels + i0, first = channel * s.plane.result();
        Epilogue<T> own = epilogue;
        if (own.residual) own.residual += first;
        Block<T>{s, input + group * s.in_channels * s.plane.input(), channel, out + first, packed, m, rows, k0, k, own}.run();
        if (kept) kept += m * k;
      }
    }
  }
}

template <class T>
void conv_forward(const ConvSizes& s, const T* input, const T* weight, const Epilogue<T>& epilogue, T* out, Buffer* buffer) {
  if (s.images * s.result_size() == 0) return;
  if (s.depthwise()) return conv_depthwise(s, input, weight, epilogue, out);
  if (s.depth() == 0) {
    for (i64 i = 0; i < s.images * s.result_size(); ++i) out[i] = T(0);
    return finish(s, epilogue, out);
  }
  if (single_results(s)) {
    const i64 m = s.images, n = s.out_channels, k = s.depth();
    gemm_plain(Product<T>{m, n, k, input, k, 1, weight, 1, k, out, n, false});
    return finish(s, epilogue, out);
  }
  conv_product(s, input, WeightMatrix<T>{weight, s.out_channels * s.depth(), s.depth(), 1, buffer}, epilogue, out);
}

#define PYFLAME_INSTANTIATE(T)                                                                                     \
  template void conv_forward<T>(const ConvSizes&, const T*, const T*, const Epilogue<T>&, T*, Buffer*);            \
  template void conv_product<T>(const ConvSizes&, const T*, const WeightMatrix<T>&, const Epilogue<T>&, T*);
PYFLAME_INSTANTIATE(float)
PYFLAME_INSTANTIATE(double)
#undef PYFLAME_INSTANTIATE

}  // namespace pyflame::cpu
