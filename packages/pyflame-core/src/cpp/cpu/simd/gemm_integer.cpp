// Integer products: plain loops for the compiler to vectorise. Unsigned types give the wrapping that signed ones need.
#include "cpu/gemm_kernels.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

struct MultiplyAdd {
  template <class T>
  static T apply(T sum, T a, T b) {
    return static_cast<T>(sum + static_cast<T>(u64{a} * u64{b}));
  }
  static u32 apply(u32 sum, u32 a, u32 b) { return sum + a * b; }
  static u64 apply(u64 sum, u64 a, u64 b) { return sum + a * b; }
};
struct AndOr {
  static u8 apply(u8 sum, u8 a, u8 b) { return sum | static_cast<u8>((a != 0) & (b != 0)); }
};

template <class Step, class T>
void rows_of_b(const T* __restrict b, i64 n, T a, T* __restrict c) {
  for (i64 j = 0; j < n; ++j) c[j] = Step::apply(c[j], a, b[j]);
}

template <class Step, class T>
void product(const Product<T>& g) {
  for (i64 i = 0; i < g.m; ++i) {
    T* c = g.c + i * g.ldc;
    const T* a = g.a + i * g.a_row;
    if (g.b_col == 1) {
      for (i64 j = 0; j < g.n && !g.accumulate; ++j) c[j] = T(0);
      for (i64 p = 0; p < g.k; ++p) rows_of_b<Step>(g.b + p * g.b_row, g.n, a[p * g.a_col], c);
      continue;
    }
    for (i64 j = 0; j < g.n; ++j) {
      const T* b = g.b + j * g.b_col;
      T sum = g.accumulate ? c[j] : T(0);
      if (g.b_row == 1 && g.a_col == 1) {
        for (i64 p = 0; p < g.k; ++p) sum = Step::apply(sum, a[p], b[p]);
      } else {
        for (i64 p = 0; p < g.k; ++p) sum = Step::apply(sum, a[p * g.a_col], b[p * g.b_row]);
      }
      c[j] = sum;
    }
  }
}

}  // namespace

const IntegerKernels gemm_integer = {product<AndOr, u8>, product<MultiplyAdd, u8>, product<MultiplyAdd, u16>,
                                     product<MultiplyAdd, u32>, product<MultiplyAdd, u64>};

}  // namespace pyflame::cpu::PYFLAME_TIER
