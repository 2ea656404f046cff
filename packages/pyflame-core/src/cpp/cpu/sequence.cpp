#include <string>

#include "base/error.h"
#include "base/half.h"
#include "cpu/index.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kGrain = 64 * 1024;

template <class T, class Value>
void fill(const View& out, Value value) {
  T* data = out.as<T>();
  parallel_for(out.numel(), kGrain, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) data[i] = value(i);
  });
}

template <class T>
void keep_triangle(bool upper, i64 diagonal, const View& in, const View& out) {
  const int row = in.shape.ndim - 2, col = row + 1;
  const i64 rows = in.shape[row], columns = in.shape[col], step = in.strides[col];
  const i64 lines = columns ? out.numel() / columns : 0;
  parallel_for(lines, columns ? kGrain / columns + 1 : 1, [&](i64 begin, i64 end) {
    for (i64 line = begin; line < end; ++line) {
      i64 rest = line, offset = 0;
      for (int d = row; d >= 0; --d) {
        offset += rest % in.shape[d] * in.strides[d];
        rest /= in.shape[d];
      }
      i64 edge = line % rows + diagonal;  // lower keeps columns up to here, upper from here on
      i64 first = upper ? edge : 0, last = upper ? columns : edge + 1;
      first = first < 0 ? 0 : first > columns ? columns : first;
      last = last < first ? first : last > columns ? columns : last;
      const T* from = in.as<T>() + offset;
      T* to = out.as<T>() + line * columns;
      for (i64 j = 0; j < first; ++j) to[j] = T(0);
      for (i64 j = first; j < last; ++j) to[j] = from[j * step];
      for (i64 j = last; j < columns; ++j) to[j] = T(0);
    }
  });
}

}  // namespace

void arange(double start, double step, const View& out) {
  auto at = [=](i64 i) { return start + static_cast<double>(i) * step; };
  switch (out.dtype) {
    case DType::kFloat64: return fill<double>(out, at);
    case DType::kFloat32: return fill<float>(out, [=](i64 i) { return static_cast<float>(at(i)); });
    case DType::kFloat16:
      return fill<u16>(out, [=](i64 i) { return float_to_float16(static_cast<float>(at(i))); });
    case DType::kBFloat16:
      return fill<u16>(out, [=](i64 i) { return float_to_bfloat16(static_cast<float>(at(i))); });
    default: type_error("[arange] a floating dtype is needed, not " + std::string(dtype_name(out.dtype)));
  }
}

void arange_int(i64 start, i64 step, const View& out) {
  auto at = [=](i64 i) { return static_cast<u64>(start) + static_cast<u64>(i) * static_cast<u64>(step); };
  switch (dtype_size(out.dtype)) {
    case 1: return fill<u8>(out, [=](i64 i) { return static_cast<u8>(at(i)); });
    case 2: return fill<u16>(out, [=](i64 i) { return static_cast<u16>(at(i)); });
    case 4: return fill<u32>(out, [=](i64 i) { return static_cast<u32>(at(i)); });
    default: return fill<u64>(out, at);
  }
}

void triangle(bool upper, i64 diagonal, const View& in, const View& out) {
  switch (dtype_size(in.dtype)) {
    case 1: return keep_triangle<u8>(upper, diagonal, in, out);
    case 2: return keep_triangle<u16>(upper, diagonal, in, out);
    case 4: return keep_triangle<u32>(upper, diagonal, in, out);
    default: return keep_triangle<u64>(upper, diagonal, in, out);
  }
}

}  // namespace pyflame::cpu
