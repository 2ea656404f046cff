// Philox 4x32-10 counter-based random numbers: element i depends on (seed, offset, i) alone, so the numbers are the
// same for any thread count, tile size or evaluation order. Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC11.
//
// Counters are used in groups of 16, one vector: elements 64 g + 16 w + j of 32-bit kinds take word w of counter
// offset + 16 g + j, and elements 32 g + 16 w + j of 64-bit kinds take its words 2 w and 2 w + 1.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

struct RandomKey {
  u64 seed, offset;
};

// How far a call for `numel` elements of any kind may reach: the offset of the next call must be at least this much
// larger, or numbers repeat.
constexpr i64 random_counters(i64 numel) { return (numel + 31) / 32 * 16; }

// `out` is contiguous.
void random_uniform(RandomKey key, const View& out);  // [0, 1): 24 bits (float), 53 (double), 11 (half), 8 (bfloat16)
void random_normal(RandomKey key, const View& out);   // mean 0, deviation 1 (Box-Muller)
void random_integers(RandomKey key, i64 low, i64 high, const View& out);  // low <= value < high, any integer dtype

}  // namespace pyflame::cpu
