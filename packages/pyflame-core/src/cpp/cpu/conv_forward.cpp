// Forward convolution as a product: weights (out x depth) times the image laid out as columns (depth x results). The
// columns exist one tile at a time, in scratch; the weights are packed once per block of depth for all images.
#include "cpu/conv_float.h"
#include "cpu/gemm_blocked.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kBlockRows = 1008, kBlockDepth = 384, kTile = 256;

i64 least(i64 a, i64 b) { return a < b ? a : b; }
i64 ceil_div(i64 a, i64 b) { return (a + b - 1) / b; }

// The row stride of a tile of columns: off the multiples of 1 KB that share cache sets.
i64 column_stride(i64 n) { return n % 64 == 0 ? n + 16 : n; }

// One block of one group: rows [0, m) of the weights by depth [k0, k0 + k).
template <class T>
struct Block {
  const ConvSizes& s;
  const T* input;  // first channel of the group in the first image
  T* out;          // first row of the block in the first image
  const T* packed;
  i64 m, rows, k0, k;

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
    const T* b;
    i64 b_row;
    bool own = !s.pointwise() || p * static_cast<i64>(sizeof(T)) % 1024 == 0;
    if (own) {
      b_row = column_stride(n);
      T* columns = scratch<T>(Scratch::kColumns, k * b_row);
      conv_kernels<T>().columns(s.plane, from, k0, k0 + k, at, at + n, columns, b_row);
      b = columns;
    } else {
      b = from + k0 * p + at, b_row = p;
    }
    multiply_packed(packed, m, k, rows, row_begin, row_end, b, b_row, n, own, out + image * s.result_size() + at, p,
                    k0 > 0);
  }
};

}  // namespace

// Weights as a matrix with any strides, so that the gradient of a pointwise convolution is one of these too.
template <class T>
void conv_product(const ConvSizes& s, const T* input, const T* weight, i64 group_step, i64 w_row, i64 w_col, T* out) {
  for (i64 group = 0; group < s.groups; ++group) {
    for (i64 k0 = 0; k0 < s.depth(); k0 += kBlockDepth) {
      i64 k = least(kBlockDepth, s.depth() - k0);
      for (i64 i0 = 0; i0 < s.out_channels; i0 += kBlockRows) {
        i64 m = least(kBlockRows, s.out_channels - i0), rows = even_panel(m, product_kernels<T>().rows);
        T* packed = scratch<T>(Scratch::kWeights, m * k);
        const T* from = weight + group * group_step + i0 * w_row + k0 * w_col;
        const i64 panels = ceil_div(m, rows);
        parallel_for(panels, m * k >= 64 * 1024 ? 4 : panels, [&](i64 begin, i64 end) {
          i64 first = begin * rows, count = least(end * rows, m) - first;
          pack_rows(from + first * w_row, w_row, w_col, count, k, rows, packed + first * k);
        });
        Block<T>{s, input + group * s.in_channels * s.plane.input(),
                 out + (group * s.out_channels + i0) * s.plane.result(), packed, m, rows, k0, k}
            .run();
      }
    }
  }
}

template <class T>
void conv_forward(const ConvSizes& s, const T* input, const T* weight, T* out) {
  if (s.images * s.result_size() == 0) return;
  if (s.depthwise()) return conv_depthwise(s, input, weight, Epilogue<T>{}, out);
  if (s.depth() == 0) {
    for (i64 i = 0; i < s.images * s.result_size(); ++i) out[i] = T(0);
    return;
  }
  conv_product(s, input, weight, s.out_channels * s.depth(), s.depth(), i64{1}, out);
}

template void conv_forward<float>(const ConvSizes&, const float*, const float*, float*);
template void conv_forward<double>(const ConvSizes&, const double*, const double*, double*);
template void conv_product<float>(const ConvSizes&, const float*, const float*, i64, i64, i64, float*);
template void conv_product<double>(const ConvSizes&, const double*, const double*, i64, i64, i64, double*);

}  // namespace pyflame::cpu
