// The vectorised inner loops of elementwise programs, one table per instruction-set tier.
#pragma once
#include "cpu/elementwise.h"
#include "cpu/tier.h"
#include "cpu/tile.h"

namespace pyflame::cpu {

inline constexpr int kFirstBinary = static_cast<int>(TileOp::add);
inline constexpr int kFirstCompare = static_cast<int>(TileOp::eq);
inline constexpr int kNumUnary = kFirstBinary;
inline constexpr int kNumBinary = kFirstCompare - kFirstBinary;
inline constexpr int kNumCompare = static_cast<int>(TileOp::where) - kFirstCompare;

// By op and class of the operands; null where the op's domain excludes the class.
struct UnaryTable {
  TileFn fn[kNumUnary][kNumClasses];
};
struct BinaryTable {
  TileFn fn[kNumBinary][kNumClasses];
};
struct CompareTable {
  TileFn fn[kNumCompare][kNumClasses];
};

struct ConvertTable {
  // Memory to tile: n elements `stride` apart.
  void (*load[kNumDTypes])(void* tile, const void* memory, i64 stride, i64 n);
  // Tile to contiguous memory, narrowing on the way.
  void (*store[kNumDTypes])(void* memory, const void* tile, i64 n);
  // Rounds a tile, in place, to what the dtype can hold; null where that is all of the class.
  void (*round[kNumDTypes])(void* tile, i64 n);
  TileFn cast[kNumClasses][kNumClasses];
  TileFn where[kNumClasses];
};

PYFLAME_DECLARE_TIERS(UnaryTable, unary_table)
PYFLAME_DECLARE_TIERS(BinaryTable, binary_table)
PYFLAME_DECLARE_TIERS(CompareTable, compare_table)
PYFLAME_DECLARE_TIERS(ConvertTable, convert_table)

}  // namespace pyflame::cpu
