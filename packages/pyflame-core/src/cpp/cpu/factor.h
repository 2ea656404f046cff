// Systems of linear equations: LU factors with row exchanges, and least squares by reflections. Blocked, on the matrix
// product; matrices are float or double, row-major and without gaps.
#pragma once
#include "cpu/factor_kernels.h"

namespace pyflame::cpu {

// PA = LU in place; row j was exchanged with row pivots[j] >= j. False: a pivot is zero.
template <class T>
bool factor_lu(i64 n, T* a, i64* pivots);

// The inverse in the place of the factors, which must have no zero pivot; `work` has n * n elements.
template <class T>
void invert_lu(i64 n, T* a, const i64* pivots, T* work);

// b (n x k) becomes the solution of A x = b.
template <class T>
void solve_lu(i64 n, i64 k, const T* a, const i64* pivots, T* b);

// x (n x k) with the least |a x - b|, or the smallest such that a x = b, for a (m x n) whose singular values are shown to
// lie within a factor of 1 / smallest. False: they may not, and nothing is said about x.
template <class T>
bool least_squares(i64 m, i64 n, i64 k, const T* a, const T* b, double smallest, T* x);

// B = inverse(triangle) B, (n x k) of row stride ldb. `triangular`: B starts as the identity and the triangle is a lower
// one, so that columns beyond the diagonal stay zero.
template <class T>
void solve_triangle(i64 n, const Triangle<T>& triangle, i64 k, T* b, i64 ldb, bool triangular = false);

// C (m x n) -= A B, where B has row stride ldb and column stride 1.
template <class T>
void subtract_product(i64 m, i64 n, i64 k, const T* a, i64 a_row, i64 a_column, const T* b, i64 ldb, T* c, i64 ldc);

}  // namespace pyflame::cpu
