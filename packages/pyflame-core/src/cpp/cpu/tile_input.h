// Inputs of a tile program at a run, and the memory that tiles are laid out in.
#pragma once
#include "cpu/elementwise.h"
#include "cpu/strided.h"

namespace pyflame::cpu {

// A tile of doubles, and a skew that keeps registers from sharing cache sets.
inline constexpr i64 kTileSlotBytes = kTile * 8 + 192;
struct alignas(64) TileScratch {
  char slots[2 * kMaxTileRegisters][kTileSlotBytes];
};
TileScratch& tile_scratch();  // of this thread

// In the compute class; a half keeps the scalar at float precision, as PyTorch's scalar operands do.
u64 immediate(u64 bits, DType dtype);
void splat(DType dtype, const void* constant, char* to, i64 n);

struct BoundInput {
  // kRows: elements of the class, next to each other or one that repeats along each row.
  enum class Access : u8 { kDirect, kConvert, kRows, kGather, kConstant };

  Access access;
  DType dtype;
  u8 reg;
  const char* data;
  StridedDims dims;  // kRows, kGather
  u64 constant;      // kConstant: one element of the class

  void bind(const TileInput& input, const Shape& shape, const View* view, const u64* params);
  i64 row() const { return dims.size[dims.ndim - 1]; }
  bool repeats() const { return dims.stride[dims.ndim - 1] == 0; }
  const char* element(i64 at) const;
  // Elements [begin, begin + count) as a tile of the class; not for kConstant.
  void read(char* tile, i64 begin, i64 count) const;
};

}  // namespace pyflame::cpu
