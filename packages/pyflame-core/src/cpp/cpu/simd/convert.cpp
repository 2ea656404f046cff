#include "cpu/simd/half_runs.h"
#include "cpu/simd/tile_loop.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

template <class Tile, class Memory>
inline Tile widen(Memory value) {
  if constexpr (std::is_same_v<Memory, Float16>) {
    return float16_to_float(value.bits);
  } else if constexpr (std::is_same_v<Memory, BFloat16>) {
    return bfloat16_to_float(value.bits);
  } else {
    return static_cast<Tile>(value);
  }
}

template <class Memory, class Tile>
inline Memory narrow(Tile value) {
  if constexpr (std::is_same_v<Memory, Float16>) {
    return Float16(value);
  } else if constexpr (std::is_same_v<Memory, BFloat16>) {
    return BFloat16(value);
  } else {
    return static_cast<Memory>(value);
  }
}

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
      for (i64 i = 0; i < n; ++i) to[i] = widen<Tile>(from[i]);
    }
  } else if (stride == 0) {
    Tile value = widen<Tile>(*from);
    for (i64 i = 0; i < n; ++i) to[i] = value;
  } else {
    for (i64 i = 0; i < n; ++i) to[i] = widen<Tile>(from[i * stride]);
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
    for (i64 i = 0; i < n; ++i) to[i] = narrow<Memory>(from[i]);
  }
}

template <class Tile, class Memory>
void round(void* tile, i64 n) {
  Tile* values = static_cast<Tile*>(tile);
  if constexpr (std::is_same_v<Tile, float>) {
    Memory narrowed[kTile];
    for (i64 count; n > 0; n -= count, values += count) {
      count = n < kTile ? n : kTile;
      store<float, Memory>(narrowed, values, count);
      load<float, Memory>(values, narrowed, 1, count);
    }
    return;
  }
  for (i64 i = 0; i < n; ++i) values[i] = widen<Tile>(narrow<Memory>(values[i]));
}

// Truncates; NaN and values beyond int64 give INT64_MIN, as x86 does.
template <class To, class From>
inline To convert(From value) {
  if constexpr (std::is_same_v<To, u8>) {
    return value != From(0);
  } else if constexpr (std::is_same_v<To, i64> && kIsFloat<From>) {
    bool fits = (value >= From(-0x1p63)) & (value < From(0x1p63));
    return fits ? static_cast<i64>(fits ? value : From(0)) : INT64_MIN;
  } else {
    return static_cast<To>(value);
  }
}

template <class To, class From>
void cast(void* out, const void* a, const void*, const void*, i64 n) {
  const From* x = static_cast<const From*>(a);
  To* y = static_cast<To*>(out);
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

using std::int16_t;
using std::int32_t;
using std::int8_t;

const ConvertTable convert_table = {
    {load<u8, u8>, load<i64, u8>, load<i64, int8_t>, load<i64, int16_t>, load<i64, int32_t>, load<i64, i64>,
     load<float, Float16>, load<float, BFloat16>, load<float, float>, load<double, double>},
    {store<u8, u8>, store<i64, u8>, store<i64, int8_t>, store<i64, int16_t>, store<i64, int32_t>, store<i64, i64>,
     store<float, Float16>, store<float, BFloat16>, store<float, float>, store<double, double>},
    {nullptr, round<i64, u8>, round<i64, int8_t>, round<i64, int16_t>, round<i64, int32_t>, nullptr,
     round<float, Float16>, round<float, BFloat16>, nullptr, nullptr},
    {{cast<u8, u8>, cast<i64, u8>, cast<float, u8>, cast<double, u8>},
     {cast<u8, i64>, cast<i64, i64>, cast<float, i64>, cast<double, i64>},
     {cast<u8, float>, cast<i64, float>, cast<float, float>, cast<double, float>},
     {cast<u8, double>, cast<i64, double>, cast<float, double>, cast<double, double>}},
    {where<u8>, where<i64>, where<float>, where<double>}};

}  // namespace pyflame::cpu::PYFLAME_TIER
