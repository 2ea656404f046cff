// Elements as unsigned integers of the same order, each with its place: what sorting and selection work on.
#pragma once
#include <cstring>
#include <type_traits>

#include "base/half.h"
#include "cpu/view.h"

namespace pyflame::cpu {

// Places make items distinct, so any sort of them is stable.
struct ShortItem {  // elements of up to four bytes, in lines of less than 2^32: key above place
  u64 word;

  static ShortItem make(u64 key, i64 place) { return {key << 32 | static_cast<u64>(place)}; }
  i64 place() const { return static_cast<i64>(word & 0xffffffffu); }
  u64 key() const { return word >> 32; }
  bool operator<(const ShortItem& other) const { return word < other.word; }
  static constexpr u64 kNanKey = 0xffffffffu;
  static constexpr int kKeyBits = 32;
};
struct LongItem {
  u64 word;
  i64 at;

  static LongItem make(u64 key, i64 place) { return {key, place}; }
  i64 place() const { return at; }
  u64 key() const { return word; }
  bool operator<(const LongItem& other) const { return word != other.word ? word < other.word : at < other.at; }
  static constexpr u64 kNanKey = ~u64{0};
  static constexpr int kKeyBits = 64;
};

namespace sort_keys {

struct Float16 {
  u16 bits;
};
struct BFloat16 {
  u16 bits;
};

// Positive floats are ordered as their bits; negative ones the other way round.
template <class Bits, class Float>
inline Bits float_key(Float value) {
  constexpr Bits kSign = Bits{1} << (8 * sizeof(Bits) - 1);
  value += Float(0);  // -0 becomes 0
  Bits bits;
  std::memcpy(&bits, &value, sizeof bits);
  Bits key = bits & kSign ? ~bits : bits | kSign;
  return value != value ? ~Bits{0} : key;
}

template <class T>
inline u64 key_of(T value) {
  if constexpr (std::is_same_v<T, Float16>) {
    return float_key<u32>(float16_to_float(value.bits));
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return float_key<u32>(bfloat16_to_float(value.bits));
  } else if constexpr (std::is_same_v<T, float>) {
    return float_key<u32>(value);
  } else if constexpr (std::is_same_v<T, double>) {
    return float_key<u64>(value);
  } else if constexpr (sizeof(T) == 8) {
    return static_cast<u64>(value) ^ u64{1} << 63;
  } else {
    return static_cast<u64>(static_cast<i64>(value) + (std::is_signed_v<T> ? i64{1} << 31 : 0));
  }
}

template <class Item, class T>
void load(const void* memory, i64 stride, i64 first, i64 n, bool descending, Item* items) {
  const T* from = static_cast<const T*>(memory) + first * stride;
  const u64 flip = descending ? Item::kNanKey : 0;
  for (i64 i = 0; i < n; ++i) items[i] = Item::make(key_of(from[i * stride]) ^ flip, first + i);
}

}  // namespace sort_keys

// Reads places [first, first + n) of a line that starts at `memory`; descending order is that of the inverted keys.
template <class Item>
using LoadItems = void (*)(const void* memory, i64 stride, i64 first, i64 n, bool descending, Item* items);

template <class Item>
LoadItems<Item> item_loader(DType dtype) {
  using namespace sort_keys;
  switch (dtype) {
    case DType::kBool:
    case DType::kUInt8: return load<Item, u8>;
    case DType::kInt8: return load<Item, std::int8_t>;
    case DType::kInt16: return load<Item, std::int16_t>;
    case DType::kInt32: return load<Item, std::int32_t>;
    case DType::kInt64: return load<Item, i64>;
    case DType::kFloat16: return load<Item, Float16>;
    case DType::kBFloat16: return load<Item, BFloat16>;
    case DType::kFloat32: return load<Item, float>;
    case DType::kFloat64: return load<Item, double>;
  }
  return nullptr;
}

}  // namespace pyflame::cpu
