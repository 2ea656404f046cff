#include "cpu/normalize.h"

#include <cstring>
#include <vector>

#include "cpu/elementwise_table.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kSerial = 16 * 1024;
constexpr i64 kMaxBlocks = 64;
constexpr i64 kPartialBytes = i64{1} << 22;

// Rows in their compute class: in place for float32 and float64, else through tiles of float.
template <class T>
class Rows {
 public:
  Rows(const View& view, i64 n) : view_(view), n_(n), native_(is_native(view.dtype)) {
    if (!native_) line_.resize(static_cast<std::size_t>(n));
  }
  const T* read(i64 row) {
    if (native_) return view_.as<T>() + row * n_;
    active_convert_table().load[static_cast<int>(view_.dtype)](line_.data(), at(row), 1, n_);
    return line_.data();
  }
  T* target(i64 row) { return native_ ? view_.as<T>() + row * n_ : line_.data(); }
  void finish(i64 row) {
    if (!native_) active_convert_table().store[static_cast<int>(view_.dtype)](at(row), line_.data(), n_);
  }

 private:
  char* at(i64 row) const { return view_.as<char>() + row * n_ * dtype_size(view_.dtype); }
  const View& view_;
  i64 n_;
  bool native_;
  std::vector<T> line_;
};

template <class T>
const NormKernels<T>& kernels();
template <>
const NormKernels<float>& kernels<float>() {
  return active_norm_table().single;
}
template <>
const NormKernels<double>& kernels<double>() {
  return active_norm_table().wide;
}

template <class T>
void forward(const NormRow& row, i64 groups, const View& x, const View& weight, const View& bias, const View& out) {
  const i64 rows = x.numel() / row.n, weights = row.n / row.segment;
  const i64 grain = kSerial / (row.n + 1) + 1;
  parallel_for(rows, rows * row.n <= 2 * kSerial ? rows : grain, [&](i64 begin, i64 end) {
    Rows<T> in(x, row.n), result(out, row.n);
    for (i64 r = begin; r < end; ++r) {
      i64 first = r % groups * weights;
      kernels<T>().forward(row, result.target(r), in.read(r), weight.data ? weight.as<T>() + first : nullptr,
                           bias.data ? bias.as<T>() + first : nullptr);
      result.finish(r);
    }
  });
}

template <class T>
void backward(const NormRow& row, i64 groups, const View& grad, const View& x, const View& weight, const View& out,
              const View& grad_weight, const View& grad_bias) {
  const i64 rows = x.numel() / row.n, weights = row.n / row.segment, all = weights * groups;
  const i64 partial_bytes = 2 * all * static_cast<i64>(sizeof(T));
  i64 blocks = kMaxBlocks;
  if (blocks * partial_bytes > kPartialBytes) blocks = kPartialBytes / partial_bytes;
  i64 per_block = (rows + blocks - 1) / (blocks < 1 ? 1 : blocks), least = kSerial / (row.n + 1) + 1;
  if (blocks < 1) per_block = rows;
  if (per_block < least) per_block = least;
  if (rows * row.n <= 2 * kSerial) per_block = rows;
  blocks = (rows + per_block - 1) / per_block;
  std::vector<T> partial(static_cast<std::size_t>(blocks * 2 * all), T(0));
  parallel_for(blocks, 1, [&](i64 first, i64 last) {
    Rows<T> upstream(grad, row.n), in(x, row.n), result(out, row.n);
    for (i64 block = first; block < last; ++block) {
      T* sums = &partial[static_cast<std::size_t>(block * 2 * all)];
      for (i64 r = block * per_block; r < rows && r < (block + 1) * per_block; ++r) {
        i64 place = r % groups * weights;
        kernels<T>().backward(row, result.target(r), upstream.read(r), in.read(r),
                              weight.data ? weight.as<T>() + place : nullptr, grad_weight.data ? sums + place : nullptr,
                              grad_bias.data ? sums + all + place : nullptr);
        result.finish(r);
      }
    }
  });
  for (i64 j = 0; j < all; ++j) {
    double w = 0, b = 0;
    for (i64 block = 0; block < blocks; ++block) {
      w += static_cast<double>(partial[static_cast<std::size_t>(block * 2 * all + j)]);
      b += static_cast<double>(partial[static_cast<std::size_t>(block * 2 * all + all + j)]);
    }
    if (grad_weight.data) grad_weight.as<T>()[j] = static_cast<T>(w);
    if (grad_bias.data) grad_bias.as<T>()[j] = static_cast<T>(b);
  }
}

void clear(const View& view) {
  if (view.data) std::memset(view.data, 0, static_cast<std::size_t>(view.numel() * dtype_size(view.dtype)));
}

}  // namespace

void normalize(const NormRow& row, i64 groups, const View& x, const View& weight, const View& bias, const View& out) {
  if (x.numel() == 0) return;
  if (x.dtype == DType::kFloat64) return forward<double>(row, groups, x, weight, bias, out);
  forward<float>(row, groups, x, weight, bias, out);
}

void normalize_grad(const NormRow& row, i64 groups, const View& grad, const View& x, const View& weight, const View& out,
                    const View& grad_weight, const View& grad_bias) {
  if (x.numel() == 0) return clear(grad_weight), clear(grad_bias);
  if (x.dtype == DType::kFloat64) return backward<double>(row, groups, grad, x, weight, out, grad_weight, grad_bias);
  backward<float>(row, groups, grad, x, weight, out, grad_weight, grad_bias);
}

}  // namespace pyflame::cpu
