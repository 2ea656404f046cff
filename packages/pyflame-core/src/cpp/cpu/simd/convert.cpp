#include "cpu/simd/half_runs.h"
#include "cpu/simd/tile_loop.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

using std::int16_t;
using std::int32_t;
using std::int8_t;

template <class Tile, class Memory>
void load(void* tile, const void* memory, i64 stride, i64 n) {
  Tile* to = static_cast<Tile*>(tile);
  const Memory* from = static_cast<const Memory*>(memory);
  if (stride == 1) {
    if constexpr (std::is_same_v<Memory, Float16>) {
      widen_half(&from->bits, n, to);
    } else if constexpr (std::is_same_v<Memory, BFloat16>) {
      widen_brain(&from->bits, n, to);
    } else {
      for (i64 i = 0; i < n; ++i) to[i] = static_cast<Tile>(from[i]);
    }
  } else if (stride == 0) {
    Tile value = static_cast<Tile>(*from);
    for (i64 i = 0; i < n; ++i) to[i] = value;
  } else {
    for (i64 i = 0; i < n; ++i) to[i] = static_cast<Tile>(from[i * stride]);
  }
}

template <class Tile, class Memory>
void store(void* memory, const void* tile, i64 n) {
  Memory* to = static_cast<Memory*>(memory);
  const Tile* from = static_cast<const Tile*>(tile);
  if constexpr (std::is_same_v<Memory, Float16>) {
    narrow_half(from, n, &to->bits);
  } else if constexpr (std::is_same_v<Memory, BFloat16>) {
    narrow_brain(from, n, &to->bits);
  } else {
    for (i64 i = 0; i < n; ++i) to[i] = static_cast<Memory>(from[i]);
  }
}

template <class Half>
void round(void* tile, i64 n) {
  float* values = static_cast<float*>(tile);
  Half narrowed[kTile];
  for (i64 count; n > 0; n -= count, values += count) {
    count = n < kTile ? n : kTile;
    store<float, Half>(narrowed, values, count);
    load<float, Half>(values, narrowed, 1, count);
  }
}

// Truncates; NaN and values beyond int64 give INT64_MIN, as x86 does, of which narrower integers take the low bits.
template <class To, class From>
inline To convert(From value) {
  if constexpr (std::is_integral_v<To> && kIsFloat<From>) {
    bool fits = (value >= From(-0x1p63)) & (value < From(0x1p63));
    return static_cast<To>(fits ? static_cast<i64>(fits ? value : From(0)) : INT64_MIN);
  } else {
    return static_cast<To>(value);
  }
}

template <class From>
inline bool all_fit_int32(const From* x, i64 n) {
  std::conditional_t<sizeof(From) == 4, u32, u64> beyond = 0;
  for (i64 i = 0; i < n; ++i) beyond |= abs_bits(x[i]) < From(0x1p31) ? 0 : 1;
  return !beyond;
}

template <class To, class From>
void cast(void* out, const void* a, const void*, const void*, i64 n) {
  const From* x = static_cast<const From*>(a);
  To* y = static_cast<To*>(out);
  if constexpr (std::is_integral_v<To> && sizeof(To) < 8 && kIsFloat<From>) {
    if (all_fit_int32(x, n)) {  // for which there are vectors on every tier
#pragma GCC ivdep
      for (i64 i = 0; i < n; ++i) y[i] = static_cast<To>(static_cast<int32_t>(x[i]));
      return;
    }
  }
#pragma GCC ivdep
  for (i64 i = 0; i < n; ++i) y[i] = convert<To>(x[i]);
}

template <class T>
void where(void* out, const void* condition, const void* a, const void* b, i64 n) {
  const u8* c = static_cast<const u8*>(condition);
  const T* p = static_cast<const T*>(a);
  const T* q = static_cast<const T*>(b);
  T* y = static_cast<T*>(out);
#pragma GCC ivdep
  for (i64 i = 0; i < n; ++i) {
    T yes = p[i], no = q[i];  // read both, so that the choice is a select
    y[i] = c[i] ? yes : no;
  }
}

}  // namespace

// clang-format off
#define CASTS(FROM)                                                                                          \
  {cast<Bool, FROM>, cast<u8, FROM>, cast<u8, FROM>, cast<int16_t, FROM>, cast<int32_t, FROM>, cast<i64, FROM>, \
   cast<float, FROM>, cast<double, FROM>}
const ConvertTable convert_table = {
    {load<u8, u8>, load<u8, u8>, load<u8, u8>, load<u16, u16>, load<u32, u32>, load<u64, u64>,
     load<float, Float16>, load<float, BFloat16>, load<u32, u32>, load<u64, u64>},
    {store<u8, u8>, store<u8, u8>, store<u8, u8>, store<u16, u16>, store<u32, u32>, store<u64, u64>,
     store<float, Float16>, store<float, BFloat16>, store<u32, u32>, store<u64, u64>},
    {nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, round<Float16>, round<BFloat16>, nullptr, nullptr},
    {CASTS(Bool), CASTS(u8), CASTS(int8_t), CASTS(int16_t), CASTS(int32_t), CASTS(i64), CASTS(float), CASTS(double)},
    {where<u8>, where<u8>, where<u8>, where<u16>, where<u32>, where<u64>, where<u32>, where<u64>}};
#undef CASTS
// clang-format on

}  // namespace pyflame::cpu::PYFLAME_TIER
