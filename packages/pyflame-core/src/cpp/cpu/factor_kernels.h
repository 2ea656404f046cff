// The inner loops of factorizations and triangular solutions, on blocks of at most kFactorBlock rows or columns.
#pragma once
#include "base/dtype.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

inline constexpr i64 kFactorBlock = 32;

// Element (i, j) is a[i * row + j * column]; the other triangle is not read, nor the diagonal of a unit one.
template <class T>
struct Triangle {
  const T* a;
  i64 row, column;
  bool upper, unit;

  Triangle block(i64 i) const { return {a + i * (row + column), row, column, upper, unit}; }
};

// Panels have rows of kFactorBlock elements, of which the last may be zeros that belong to no column.
template <class T>
struct FactorFunctions {
  // PA = LU of m rows and `n` columns, in place; row j was exchanged with row pivots[j].
  void (*lu)(i64 m, i64 n, T* panel, i64* pivots);
  // A = QR in place: R and, below it, the vectors v of the reflections 1 - scale v v^T, whose first element is 1. False
  // where squares leave the range of T.
  bool (*qr)(i64 m, i64 n, T* panel, T* scales);
  // B = inverse(triangle) B for `columns` columns of B, of row stride ldb.
  void (*solve)(i64 n, const Triangle<T>& triangle, i64 columns, T* b, i64 ldb);
};

struct FactorKernels {
  FactorFunctions<float> of_float;
  FactorFunctions<double> of_double;
};

PYFLAME_DECLARE_TIERS(FactorKernels, factor_kernels)

template <class T>
const FactorFunctions<T>& factor_functions() {
  if constexpr (sizeof(T) == 4) return active_factor_kernels().of_float;
  else return active_factor_kernels().of_double;
}

}  // namespace pyflame::cpu
