#include "cpu/tile_input.h"

#include <cstring>

#include "cpu/copy_bytes.h"
#include "cpu/elementwise_table.h"

namespace pyflame::cpu {

TileScratch& tile_scratch() {
  thread_local TileScratch scratch;
  return scratch;
}

u64 immediate(u64 bits, DType dtype) {
  TileClass c = class_of(dtype);
  if (c == kClassBool) return bits != 0;
  if (c != kClassFloat) return bits;
  double value;
  std::memcpy(&value, &bits, 8);
  float single = static_cast<float>(value);
  std::memcpy(&bits, &single, 4);
  return bits;
}

void splat(DType dtype, const void* constant, char* to, i64 n) {
  constexpr DType natives[kNumClasses] = {DType::kBool, DType::kInt64, DType::kFloat32, DType::kFloat64};
  active_convert_table().load[static_cast<int>(natives[class_of(dtype)])](to, constant, 0, n);
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

constexpr i64 kPattern = 16;  // bytes; as many may be written beyond a row, where the next one or slack follows
constexpr i64 kShortRow = 512;

// A short row of one value, or of elements next to each other, which all are of the class.
template <class T>
void lay_out_row(char* to, const char* from, i64 stride, i64 n) {
  const i64 bytes = n * static_cast<i64>(sizeof(T));
  if (stride != 0) return copy_bytes(to, from, bytes);
  T value, pattern[kPattern / sizeof(T)];
  std::memcpy(&value, from, sizeof value);
  for (T& each : pattern) each = value;
  for (i64 at = 0; at < bytes; at += kPattern) std::memcpy(to + at, pattern, kPattern);
}

template <class T>
void lay_out_rows(const StridedDims& dims, const char* data, char* tile, i64 begin, i64 count) {
  for_each_row(dims, begin, begin + count, [&](i64 offset, i64 stride, i64 n) {
    lay_out_row<T>(tile, data + offset * static_cast<i64>(sizeof(T)), stride, n);
    tile += n * static_cast<i64>(sizeof(T));
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
  } else if (access == Access::kRows && row() * size <= kShortRow) {
    size == 1   ? lay_out_rows<u8>(dims, data, tile, begin, count)
    : size == 4 ? lay_out_rows<u32>(dims, data, tile, begin, count)
                : lay_out_rows<u64>(dims, data, tile, begin, count);
  } else {
    for_each_row(dims, begin, begin + count, [&](i64 offset, i64 stride, i64 n) {
      load(tile, data + offset * size, stride, n);
      tile += n * width;
    });
  }
}

}  // namespace pyflame::cpu
