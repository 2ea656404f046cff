#include "cpu/random.h"

#include <type_traits>

#include "cpu/elementwise_table.h"
#include "cpu/random_table.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kLanes = 16;  // counters of a group
constexpr i64 kTilesPerChunk = 16;

// Calls fill(key, tile, groups) for one tile of the class at a time and stores what it made.
template <class T, i64 kPerGroup, class Fill>
void generate(RandomKey key, const View& out, Fill&& fill) {
  const i64 n = out.numel(), size = dtype_size(out.dtype), tiles = (n + kTile - 1) / kTile;
  const ConvertTable& convert = active_convert_table();
  const TileClass c = class_of(out.dtype);
  const TileFn cast = std::is_same_v<T, i64> && c != kClassInt64 ? convert.cast[kClassInt64][c] : nullptr;
  const bool native = is_native(out.dtype) && !cast;
  parallel_for(tiles, kTilesPerChunk, [&](i64 begin, i64 end) {
    alignas(64) T tile[kTile];
    for (i64 t = begin; t < end; ++t) {
      i64 first = t * kTile, count = n - first < kTile ? n - first : kTile;
      RandomKey at{key.seed, key.offset + static_cast<u64>(first / kPerGroup * kLanes)};
      char* memory = out.as<char>() + first * size;
      if (native && count == kTile) {
        fill(at, reinterpret_cast<T*>(memory), kTile / kPerGroup);
      } else {
        fill(at, tile, (count + kPerGroup - 1) / kPerGroup);
        cast ? cast(memory, tile, nullptr, nullptr, count) : convert.store[static_cast<int>(out.dtype)](memory, tile, count);
      }
    }
  });
}

}  // namespace

void random_uniform(RandomKey key, const View& out) {
  const RandomTable& table = active_random_table();
  if (out.dtype == DType::kFloat64) return generate<double, 32>(key, out, table.uniform_double);
  // More bits than the dtype holds would round up to 1.
  int bits = out.dtype == DType::kFloat16 ? 11 : out.dtype == DType::kBFloat16 ? 8 : 24;
  generate<float, 64>(key, out,
                      [&](RandomKey at, float* to, i64 groups) { table.uniform_float(at, bits, to, groups); });
}

void random_normal(RandomKey key, const View& out) {
  const RandomTable& table = active_random_table();
  if (out.dtype == DType::kFloat64) return generate<double, 32>(key, out, table.normal_double);
  generate<float, 64>(key, out, table.normal_float);
}

void random_integers(RandomKey key, i64 low, i64 high, const View& out) {
  const RandomTable& table = active_random_table();
  u64 range = static_cast<u64>(high) - static_cast<u64>(low);
  generate<i64, 32>(key, out,
                    [&](RandomKey at, i64* to, i64 groups) { table.integers(at, low, range, to, groups); });
}

}  // namespace pyflame::cpu
