#include "cpu/gemm.h"

#include "cpu/elementwise.h"
#include "cpu/gemm_blocked.h"
#include "cpu/gemm_half.h"
#include "cpu/gemm_integer.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

// A typed product without its addresses: what all matrices of a batch share.
struct MatrixShape {
  DType dtype;
  i64 m, n, k, a_row, a_col, b_row, b_col;
};

template <class T>
Product<T> product_at(const MatrixShape& s, const void* a, const void* b, void* c) {
  return {s.m,     s.n,     s.k, static_cast<const T*>(a), s.a_row, s.a_col, static_cast<const T*>(b),
          s.b_row, s.b_col, static_cast<T*>(c), s.n, false};
}

template <class T>
void integer_product(void (*kernel)(const Product<T>&), const MatrixShape& s, const void* a, const void* b, void* c) {
  Product<T> whole = product_at<T>(s, a, b, c);
  i64 row_work = s.n * s.k;
  parallel_for(s.m, s.m * row_work >= kThreadedWork ? kThreadedWork / (row_work + 1) / 4 + 1 : s.m,
               [&](i64 begin, i64 end) {
                 Product<T> part = whole;
                 part.m = end - begin;
                 part.a += begin * s.a_row;
                 part.c += begin * s.n;
                 kernel(part);
               });
}

void multiply(const MatrixShape& s, const void* a, const void* b, void* c, const ProductEpilogue<float>& epilogue,
              Buffer* weight = nullptr) {
  switch (s.dtype) {
    case DType::kFloat32: {
      Product<float> product = product_at<float>(s, a, b, c);
      product.epilogue = epilogue;
      return gemm(product, weight);
    }
    case DType::kFloat64: return gemm(product_at<double>(s, a, b, c));
    case DType::kFloat16:
    case DType::kBFloat16: return gemm_half(s.dtype, product_at<u16>(s, a, b, c), weight);
    case DType::kBool: return integer_product(active_gemm_integer().bits, s, a, b, c);
    case DType::kUInt8:
    case DType::kInt8: return integer_product(active_gemm_integer().u8s, s, a, b, c);
    case DType::kInt16: return integer_product(active_gemm_integer().u16s, s, a, b, c);
    case DType::kInt32:
      if (gemm_small_integers(product_at<i32>(s, a, b, c))) return;
      return integer_product(active_gemm_integer().u32s, s, a, b, c);
    case DType::kInt64:
      if (gemm_small_integers(product_at<i64>(s, a, b, c))) return;
      return integer_product(active_gemm_integer().u64s, s, a, b, c);
  }
}

// True when b is one matrix for the whole batch and a's batch and row dimensions step evenly through memory: the
// batch is then more rows of one product.
bool folds_into_rows(const View& a, const View& b, const View& out) {
  int batch = a.shape.ndim - 2;
  i64 step = -1;  // what the next outer dimension of a has to step by
  for (int d = batch; d >= 0; --d) {
    if (d < batch && out.shape[d] != 1 && b.shape[d] != 1 && b.strides[d] != 0) return false;
    i64 extent = d < batch ? out.shape[d] : a.shape[d];
    if (extent == 1) continue;
    i64 stride = d < batch && a.shape[d] == 1 ? 0 : a.strides[d];
    if (step >= 0 && stride != step) return false;
    step = stride * extent;
  }
  return true;
}

i64 row_stride_of_batch(const View& a, const View& out) {
  for (int d = a.shape.ndim - 2; d >= 0; --d) {
    if (out.shape[d] != 1) return a.shape[d] == 1 ? 0 : a.strides[d];
  }
  return 1;
}

// True when b is one matrix for a batch of few rows each: laid out one after the other, they are rows of one product, for
// which b is packed once.
bool folds_when_laid_out(const View& a, const View& b, const View& out) {
  constexpr i64 kFewRows = 256, kLeastColumns = 16, kMostBytes = 4 << 20;
  const int row = a.shape.ndim - 2;
  if (a.shape[row] >= kFewRows || out.shape[row + 1] < kLeastColumns) return false;
  for (int d = 0; d < row; ++d) {
    if (out.shape[d] != 1 && (b.strides[d] != 0 || a.strides[d] == 0)) return false;
  }
  return a.numel() * dtype_size(a.dtype) <= kMostBytes;
}

View laid_out(const View& a) {
  View copy = a;
  copy.strides = contiguous_strides(a.shape);
  copy.data = scratch<char>(Scratch::kColumns, a.numel() * dtype_size(a.dtype));
  copy_strided(a, copy);
  return copy;
}

void multiply_batch(const MatrixShape& s, const View& a, const View& b, const View& out,
                    const ProductEpilogue<float>& epilogue) {
  const int dims = out.shape.ndim - 2;
  const i64 size = dtype_size(s.dtype), matrix = s.m * s.n;
  i64 count = 1;
  for (int d = 0; d < dims; ++d) count *= out.shape[d];
  const i64 work = matrix * s.k + 1;
  // Large products use the threads themselves, one after the other.
  const i64 grain = count * work < kThreadedWork || work >= 64 * kThreadedWork ? count : kThreadedWork / 4 / work + 1;
  auto body = [&](i64 begin, i64 end) {
    for (i64 item = begin; item < end; ++item) {
      i64 rest = item, a_offset = 0, b_offset = 0;
      for (int d = dims; d-- > 0;) {
        i64 at = rest % out.shape[d];
        rest /= out.shape[d];
        if (a.shape[d] != 1) a_offset += at * a.strides[d];
        if (b.shape[d] != 1) b_offset += at * b.strides[d];
      }
      multiply(s, a.as<char>() + a_offset * size, b.as<char>() + b_offset * size,
               out.as<char>() + item * matrix * size, epilogue.at(item * matrix, 0));
    }
  };
  parallel_for(count, grain, body);
}

}  // namespace

void matmul(const View& left, const View& b, const View& out, Buffer* weight, const ProductEpilogue<float>& epilogue) {
  const int row = out.shape.ndim - 2, col = row + 1;
  const bool lies_in_rows = row > 0 && folds_into_rows(left, b, out);
  const bool turns_into_rows = row > 0 && !lies_in_rows && folds_when_laid_out(left, b, out);
  const View a = turns_into_rows ? laid_out(left) : left;
  MatrixShape s{out.dtype,      out.shape[row],  out.shape[col],  a.shape[col],
                a.strides[row], a.strides[col], b.strides[row], b.strides[col]};
  if (row == 0) return multiply(s, a.data, b.data, out.data, epilogue, weight);
  if (out.numel() == 0) return;
  if (!lies_in_rows && !turns_into_rows) return multiply_batch(s, a, b, out, epilogue);
  for (int d = 0; d < row; ++d) s.m *= out.shape[d];
  s.a_row = row_stride_of_batch(a, out);
  multiply(s, a.data, b.data, out.data, epilogue, weight);
}

void gemm_f32(i64 m, i64 n, i64 k, const float* a, i64 a_row, i64 a_col, const float* b, i64 b_row, i64 b_col,
              float* c, i64 ldc, bool accumulate) {
  gemm(Product<float>{m, n, k, a, a_row, a_col, b, b_row, b_col, c, ldc, accumulate});
}

}  // namespace pyflame::cpu
