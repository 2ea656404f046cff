#include "cpu/reduce_table.h"
#include "cpu/simd/fold.h"
#include "cpu/simd/math.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

constexpr i64 kBlock = 1024;

template <class T>
void forward(bool log, T* out, const T* x, i64 n) {
  const T top = fold_block<FoldMax>(x, n);
  double sum = 0;
  for (i64 begin = 0; begin < n; begin += kBlock) {
    i64 count = n - begin < kBlock ? n - begin : kBlock;
    T powers[kBlock];
    T* to = log ? powers : out + begin;  // the logarithm reads x again, and out may be x
    const T* from = x + begin;
#pragma GCC ivdep
    for (i64 i = 0; i < count; ++i) to[i] = vexp(from[i] - top);
    sum += sum_contiguous(to, count);
  }
  if (log) {
    const T shift = static_cast<T>(std::log(sum));
#pragma GCC ivdep
    for (i64 i = 0; i < n; ++i) out[i] = (x[i] - top) - shift;
  } else {
    const T factor = static_cast<T>(1 / sum);
    for (i64 i = 0; i < n; ++i) out[i] *= factor;
  }
}

template <class T>
void backward(bool log, T* out, const T* grad, const T* y, i64 n) {
  if (log) {
    const T total = static_cast<T>(sum_contiguous(grad, n));
#pragma GCC ivdep
    for (i64 i = 0; i < n; ++i) out[i] = grad[i] - vexp(y[i]) * total;
    return;
  }
  double dot = 0;
  for (i64 begin = 0; begin < n; begin += kBlock) {
    i64 count = n - begin < kBlock ? n - begin : kBlock;
    T products[kBlock];
    for (i64 i = 0; i < count; ++i) products[i] = grad[begin + i] * y[begin + i];
    dot += sum_contiguous(products, count);
  }
  const T shift = static_cast<T>(dot);
#pragma GCC ivdep
  for (i64 i = 0; i < n; ++i) out[i] = y[i] * (grad[i] - shift);
}

}  // namespace

const SoftmaxTable softmax_table = {forward<float>, forward<double>, backward<float>, backward<double>};

}  // namespace pyflame::cpu::PYFLAME_TIER
