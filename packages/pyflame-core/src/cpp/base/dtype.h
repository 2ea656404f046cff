// The ten element types and PyTorch's promotion rules.
#pragma once
#include <cstdint>
#include <string_view>

namespace pyflame {

using i64 = std::int64_t;
using u64 = std::uint64_t;
using u32 = std::uint32_t;
using u16 = std::uint16_t;
using u8 = std::uint8_t;

enum class DType : u8 { kBool, kUInt8, kInt8, kInt16, kInt32, kInt64, kFloat16, kBFloat16, kFloat32, kFloat64 };
inline constexpr int kNumDTypes = 10;

// bool < integer < float: the only order promotion of scalars looks at.
enum class Category : u8 { kBool, kInteger, kFloat };

constexpr i64 dtype_size(DType dtype) {
  constexpr u8 sizes[kNumDTypes] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8};
  return sizes[static_cast<int>(dtype)];
}
constexpr bool is_floating(DType dtype) { return dtype >= DType::kFloat16; }
constexpr bool is_integer(DType dtype) { return dtype >= DType::kUInt8 && dtype <= DType::kInt64; }
constexpr Category category(DType dtype) {
  return is_floating(dtype) ? Category::kFloat : dtype == DType::kBool ? Category::kBool : Category::kInteger;
}
std::string_view dtype_name(DType dtype);

// The dtype both convert to when neither outranks the other (two tensors with dimensions).
DType promote_types(DType a, DType b);

// A lower-ranked operand (0-d tensor or Python scalar) changes `ranked` only when its category is higher.
inline DType promote_ranked(DType ranked, DType lower) {
  return category(lower) > category(ranked) ? lower : ranked;
}

DType default_dtype();
void set_default_dtype(DType dtype);

}  // namespace pyflame
