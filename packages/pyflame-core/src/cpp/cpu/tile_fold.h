// What a kind of reduction does with tiles of elements, and with the result.
#pragma once
#include "cpu/elementwise_table.h"
#include "cpu/reduce_table.h"

namespace pyflame::cpu {

inline constexpr i64 kSerialFold = 32 * 1024;  // elements a thread reduces alone
inline constexpr i64 kFoldPart = 64 * 1024;    // elements a part of a reduction that is split reads

class TileFold {
 public:
  TileFold(ReduceOp op, DType in, const View& out);

  const FoldKernels& kernels() const { return *kernels_; }
  bool casts() const { return cast_; }
  // The tile in the class that is folded; `other` is room for it.
  const char* converted(const char* tile, char* other, i64 n) const {
    if (!cast_) return tile;
    cast_(other, tile, nullptr, nullptr, n);
    return other;
  }
  void add(Accumulator* acc, const char* tile, i64 n) const;
  // Element `at` of the result, of `length` elements folded.
  void store(const Accumulator& acc, i64 at, i64 length) const;

 private:
  const View& out_;
  const FoldKernels* kernels_;
  TileFn cast_;
  bool mean_, real_;
};

}  // namespace pyflame::cpu
