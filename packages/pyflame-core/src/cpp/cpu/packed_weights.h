// Weights as the tile unit reads them, kept with the buffer they lie in for as long as they stay the same.
#pragma once
#include "base/buffer.h"
#include "cpu/amx_kernels.h"

namespace pyflame::cpu {

// What was packed, by whom and how: together they say which panels these are.
struct WeightKey {
  enum class User : i64 { kConvolution, kPlanes, kProduct };
  static constexpr int kNumbers = 8;

  const void* from;
  User user;
  i64 numbers[kNumbers];
};

struct PackedWeights : Derived {
  WeightKey key;
  std::size_t bytes;
  u16* panels;
  AmxRange* ranges;
  PackedWeights* next;  // in the same buffer

  PackedWeights(const WeightKey& key, i64 numbers, i64 ranges, const char* op);
  PackedWeights(const PackedWeights&) = delete;
  ~PackedWeights() override;
};

i64 packed_bytes();  // of all that are kept

// What is kept under that key. Else, where the buffer's contents have been read before and are the same, room for it,
// with `fresh` set: the caller packs. nullptr: weights that a training step has just changed would be kept in vain, they
// prove constant by being read a few times.
PackedWeights* kept_weights(Buffer* buffer, const WeightKey& key, i64 numbers, i64 ranges, const char* op, bool* fresh);

}  // namespace pyflame::cpu
