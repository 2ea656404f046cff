#include "cpu/attention_table.h"
#include "cpu/simd/attention_few.h"
#include "cpu/simd/line.h"
#include "cpu/simd/line_max.h"
#include "cpu/simd/power.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

// A tile of C in registers: 24 accumulators of 32 registers, or 12 of 16.
constexpr int kTileRows = 6;
constexpr int kTileVectors = kVectorBytes == 64 ? 4 : 2;

template <class T, int kRows, int kVectors>
inline void tile(i64 inner, const T* a, i64 a_row, i64 a_step, const T* b, i64 b_row, T* c, i64 c_row, bool accumulate) {
  Vec<T> sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums[r][v] = accumulate ? load(c + r * c_row + v * kWidth<T>) : Vec<T>{};
  }
  for (i64 p = 0; p < inner; ++p) {
    Vec<T> row[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) row[v] = load(b + p * b_row + v * kWidth<T>);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      Vec<T> x = broadcast(a[r * a_row + p * a_step]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = fma(x, row[v], sums[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) store(c + r * c_row + v * kWidth<T>, sums[r][v]);
  }
}

template <class T, int kRows>
inline void row_of_tiles(i64 columns, i64 inner, const T* a, i64 a_row, i64 a_step, const T* b, i64 b_row, T* c, i64 c_row,
                         bool accumulate) {
  constexpr i64 wide = kTileVectors * kWidth<T>;
  i64 j = 0;
  for (; j + wide <= columns; j += wide) {
    tile<T, kRows, kTileVectors>(inner, a, a_row, a_step, b + j, b_row, c + j, c_row, accumulate);
  }
  for (; j < columns; j += kWidth<T>) tile<T, kRows, 1>(inner, a, a_row, a_step, b + j, b_row, c + j, c_row, accumulate);
}

template <class T>
void product(i64 rows, i64 columns, i64 inner, const T* a, i64 a_row, i64 a_step, const T* b, i64 b_row, T* c, i64 c_row,
             bool accumulate) {
  i64 r = 0;
  for (; r + kTileRows <= rows; r += kTileRows) {
    row_of_tiles<T, kTileRows>(columns, inner, a + r * a_row, a_row, a_step, b, b_row, c + r * c_row, c_row, accumulate);
  }
  for (; r < rows; ++r) {
    row_of_tiles<T, 1>(columns, inner, a + r * a_row, a_row, a_step, b, b_row, c + r * c_row, c_row, accumulate);
  }
}

template <class T>
void advance(T* scores, i64 rows, i64 keys, T* top, T* total, T* factor) {
  constexpr i64 w = kWidth<T>;
  const T lowest = -infinity<T>();
  T shift[kQueryBlock];
  for (i64 r = 0; r < rows; ++r) {
    T found = line_top(scores + r * kKeyBlock, keys), now = found > top[r] ? found : top[r];
    shift[r] = now == lowest ? T(0) : now;  // all out of sight so far: exponentials are 0, not NaN
    factor[r] = top[r] == now ? T(0) : top[r] - shift[r];
    top[r] = now;
  }
  for (i64 r = rows; r < kQueryBlock; ++r) factor[r] = T(0);
  for (i64 r = 0; r < rows; r += w) store(factor + r, power(load(factor + r)));
  for (i64 r = 0; r < rows; ++r) {
    T* row = scores + r * kKeyBlock;
    const Vec<T> shifts = broadcast(shift[r]);
    Vec<T> a{}, b{};
    i64 i = 0;
    for (; i + 2 * w <= keys; i += 2 * w) {
      Vec<T> x = power(load(row + i) - shifts), y = power(load(row + i + w) - shifts);
      store(row + i, x);
      store(row + i + w, y);
      a += x;
      b += y;
    }
    for (; i < keys; i += w) {
      Vec<T> x = power(load(row + i) - shifts);
      store(row + i, x);
      a += x;
    }
    total[r] = total[r] * factor[r] + sum(a + b);
  }
}

template <class T>
void differentiate(T* scores, T* grads, i64 keys, T shift, const T* delta) {
  const Vec<T> shifts = broadcast(shift);
  Vec<T> weights{}, products{};
  for (i64 i = 0; i < keys; i += kWidth<T>) {
    Vec<T> p = power(load(scores + i) - shifts);
    store(scores + i, p);
    weights += p;
    products += p * load(grads + i);
  }
  T factor = 1, mean;
  if (delta) {
    mean = *delta;
  } else {
    const T total = sum(weights);
    if (total > 0) factor = 1 / total;  // 0 where no key is in sight
    mean = sum(products) * factor;
  }
  const Vec<T> factors = broadcast(factor), deltas = broadcast(mean);
  for (i64 i = 0; i < keys; i += kWidth<T>) {
    Vec<T> p = load(scores + i) * factors;
    store(scores + i, p);
    store(grads + i, p * (load(grads + i) - deltas));
  }
}

template <class T>
void scale(T* row, i64 n, T factor) {
  const Vec<T> factors = broadcast(factor);
  for (i64 i = 0; i < n; i += kWidth<T>) store(row + i, load(row + i) * factors);
}

}  // namespace

const AttentionTable attention_table = {
    {product<float>, scores<float>, gather<float>, advance<float>, differentiate<float>, scale<float>},
    {product<double>, scores<double>, gather<double>, advance<double>, differentiate<double>, scale<double>}};

}  // namespace pyflame::cpu::PYFLAME_TIER
