#include "cpu/tile_input.h"

#include <cstring>

#include "cpu/copy_bytes.h"
#include "cpu/copy_kernels.h"
#include "cpu/elementwise_table.h"

namespace pyflame::cpu {

TileScratch& tile_scratch() {
  thread_local TileScratch scratch;
  return scratch;
}

u64 immediate(u64 bits, DType dtype) {
  TileClass c = class_of(dtype);
  if (c == kClassBool) return bits != 0;
  if (c != kClassFloat) return bits;  // of narrower integers the low bytes are read
  double value;
  std::memcpy(&value, &bits, 8);
  float single = static_cast<float>(value);
  std::memcpy(&bits, &single, 4);
  return bits;
}

void splat(DType dtype, const void* constant, char* to, i64 n) {
  active_convert_table().load[static_cast<int>(native_dtype(class_of(dtype)))](to, constant, 0, n);
}

void BoundInput::bind(const TileInput& input, const Shape& shape, const View* view, const u64* params) {
  dtype = input.dtype;
  reg = input.reg;
  if (input.param >= 0) {
    access = Access::kConstant;
    constant = immediate(params[input.param], dtype);
    return;
  }
  data = static_cast<const char*>(view->data);
  dims.assign(shape, view->strides);
  if (dims.is_flat()) {
    access = is_native(dtype) ? Access::kDirect : Access::kConvert;
  } else if (dims.is_constant()) {
    access = Access::kConstant;
    active_convert_table().load[static_cast<int>(dtype)](&constant, data, 1, 1);
  } else {
    const i64 stride = dims.stride[dims.ndim - 1];
    access = is_native(dtype) && (stride == 0 || stride == 1) ? Access::kRows : Access::kGather;
  }
}

const char* BoundInput::element(i64 at) const {
  const char* found = data;
  for_each_row(dims, at, at + 1, [&](i64 offset, i64, i64) { found += offset * dtype_size(dtype); });
  return found;
}

namespace {

// Rows of one value each, or of elements next to each other, which all are of the class.
void lay_out_rows(const StridedDims& dims, const char* data, i64 size, char* tile, i64 begin, i64 count) {
  const auto spread = active_copy_kernels().spread[log_size(size)];
  const i64 n = dims.size[dims.ndim - 1];
  if (dims.ndim == 2 && dims.stride[1] == 0) {  // many rows in a call
    i64 row = begin / n, first = begin % n;
    while (count > 0) {
      const i64 part = first > 0 || count < n ? (n - first < count ? n - first : count) : n, rows = part == n ? count / n : 1;
      spread(tile, data + row * dims.stride[0] * size, dims.stride[0], rows, part);
      tile += rows * part * size, count -= rows * part, row += rows, first = 0;
    }
    return;
  }
  for_each_row(dims, begin, begin + count, [&](i64 offset, i64 stride, i64 length) {
    const char* from = data + offset * size;
    stride == 0 ? spread(tile, from, 0, 1, length) : copy_bytes(tile, from, length * size);
    tile += length * size;
  });
}

}  // namespace

void BoundInput::read(char* tile, i64 begin, i64 count) const {
  const i64 size = dtype_size(dtype), width = class_size(class_of(dtype));
  auto load = active_convert_table().load[static_cast<int>(dtype)];
  if (access == Access::kDirect) {
    std::memcpy(tile, data + begin * size, static_cast<std::size_t>(count * size));
  } else if (access == Access::kConvert) {
    load(tile, data + begin * size, 1, count);
  } else if (access == Access::kRows) {
    lay_out_rows(dims, data, size, tile, begin, count);
  } else {
    for_each_row(dims, begin, begin + count, [&](i64 offset, i64 stride, i64 n) {
      load(tile, data + offset * size, stride, n);
      tile += n * width;
    });
  }
}

}  // namespace pyflame::cpu
