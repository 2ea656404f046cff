// Least squares by Householder's reflections, gathered panel by panel into 1 - V T V^T (Schreiber and Van Loan, "A
// storage-efficient WY representation for products of Householder transformations", 1989).
#include <cmath>
#include <cstring>
#include <vector>

#include "cpu/arithmetic.h"
#include "cpu/factor.h"
#include "cpu/gemm_blocked.h"

namespace pyflame::cpu {

namespace {

// Q of an m x n matrix, m >= n, as one V and T for each panel.
template <class T>
class Reflections {
 public:
  Reflections(i64 m, i64 n) : m_(m), n_(n) {}

  // R takes the place of the upper triangle of a. False where a number is too large or too small, or a column zero.
  bool factor(T* a) {
    for (i64 s = 0; s < n_; s += kFactorBlock) {
      const i64 rows = m_ - s, width = least(kFactorBlock, n_ - s);
      panels_.push_back({std::vector<T>(size(rows * kFactorBlock)), std::vector<T>(size(kFactorBlock * kFactorBlock))});
      Panel& panel = panels_.back();
      T scales[kFactorBlock] = {};
      for (i64 i = 0; i < rows; ++i) std::memcpy(&panel.v[size(i * kFactorBlock)], a + (s + i) * n_ + s, size(width) * sizeof(T));
      if (!factor_functions<T>().qr(rows, width, panel.v.data(), scales)) return false;
      for (i64 i = 0; i < width; ++i) {
        T* row = &panel.v[size(i * kFactorBlock)];
        for (i64 j = i; j < width; ++j) a[(s + i) * n_ + s + j] = row[j], row[j] = j == i ? T(1) : T(0);
      }
      combine(panel, rows, scales);
      apply(panel, s, true, n_ - s - width, a + s + width, n_);
    }
    return true;
  }

  // C (m x k) becomes Q C or Q^T C.
  void apply(bool transposed, i64 k, T* c) const {
    const i64 count = static_cast<i64>(panels_.size());
    for (i64 step = 0; step < count; ++step) {
      const i64 p = transposed ? step : count - 1 - step;
      apply(panels_[size(p)], p * kFactorBlock, transposed, k, c, k);
    }
  }

 private:
  struct Panel {
    std::vector<T> v;  // rows of kFactorBlock
    std::vector<T> t;  // upper triangular
  };
  static std::size_t size(i64 n) { return static_cast<std::size_t>(n); }

  // Column j of T is -scale * T (V^T v) above the diagonal, and scale on it.
  void combine(Panel& panel, i64 rows, const T* scales) const {
    constexpr i64 w = kFactorBlock;
    std::vector<T> products(size(w * w));
    gemm_plain<T>({w, w, rows, panel.v.data(), 1, w, panel.v.data(), w, 1, products.data(), w, false});
    for (i64 j = 0; j < w; ++j) {
      for (i64 i = 0; i < j; ++i) {
        T sum = 0;
        for (i64 k = i; k < j; ++k) sum += panel.t[size(i * w + k)] * products[size(k * w + j)];
        panel.t[size(i * w + j)] = -scales[j] * sum;
      }
      panel.t[size(j * w + j)] = scales[j];
    }
  }

  void apply(const Panel& panel, i64 first, bool transposed, i64 k, T* c, i64 ldc) const {
    if (k == 0) return;
    constexpr i64 w = kFactorBlock;
    const i64 rows = m_ - first;
    std::vector<T> shares(size(w * k)), scaled(size(w * k));
    gemm_plain<T>({w, k, rows, panel.v.data(), 1, w, c + first * ldc, ldc, 1, shares.data(), k, false});
    gemm_plain<T>({w, k, w, panel.t.data(), transposed ? 1 : w, transposed ? w : 1, shares.data(), k, 1, scaled.data(), k, false});
    subtract_product(rows, k, w, panel.v.data(), w, i64{1}, scaled.data(), k, c + first * ldc, ldc);
  }

  i64 m_, n_;
  std::vector<Panel> panels_;
};

template <class T>
double squares(const std::vector<T>& values) {
  double sum = 0;
  for (T x : values) sum += static_cast<double>(x) * static_cast<double>(x);
  return sum;
}

}  // namespace

template <class T>
bool least_squares(i64 m, i64 n, i64 k, const T* a, const T* b, double smallest, T* x) {
  const bool tall = m >= n;
  const i64 rows = most(m, n), columns = least(m, n);
  std::vector<T> factors(a, a + m * n);
  for (i64 i = 0; !tall && i < rows; ++i) {
    for (i64 j = 0; j < columns; ++j) factors[static_cast<std::size_t>(i * columns + j)] = a[j * rows + i];
  }
  Reflections<T> reflections(rows, columns);
  if (!reflections.factor(factors.data())) return false;
  // The singular values are those of R, and lie between 1 / |inverse of R| and |R|.
  const Triangle<T> r{factors.data(), columns, 1, true, false};
  std::vector<T> inverse(static_cast<std::size_t>(columns * columns)), upper = inverse;
  for (i64 i = 0; i < columns; ++i) {
    inverse[static_cast<std::size_t>(i * (columns + 1))] = 1;
    for (i64 j = i; j < columns; ++j) upper[static_cast<std::size_t>(i * columns + j)] = factors[static_cast<std::size_t>(i * columns + j)];
  }
  solve_triangle(columns, r, columns, inverse.data(), columns);
  if (!(2 * smallest * std::sqrt(squares(upper) * squares(inverse)) < 1)) return false;
  std::vector<T> work(static_cast<std::size_t>(rows * k));
  std::memcpy(work.data(), b, static_cast<std::size_t>(m * k) * sizeof(T));
  if (tall) {
    reflections.apply(true, k, work.data());
    solve_triangle(columns, r, k, work.data(), k);
  } else {
    solve_triangle(columns, Triangle<T>{factors.data(), 1, columns, false, false}, k, work.data(), k);
    reflections.apply(false, k, work.data());
  }
  std::memcpy(x, work.data(), static_cast<std::size_t>(n * k) * sizeof(T));
  return true;
}

template bool least_squares<float>(i64, i64, i64, const float*, const float*, double, float*);
template bool least_squares<double>(i64, i64, i64, const double*, const double*, double, double*);

}  // namespace pyflame::cpu
