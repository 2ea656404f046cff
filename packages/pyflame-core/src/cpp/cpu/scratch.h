// Working memory of one thread, kept between calls so that a kernel allocates nothing in the steady state.
#pragma once
#include <cstddef>

#include "base/dtype.h"

namespace pyflame::cpu {

// One block per purpose, because these are held at the same time.
enum class Scratch {
  kPackedA, kPackedB, kHalfA, kHalfB, kHalfC, kWeights, kColumns, kImage, kResult, kPartials, kAmxA, kAmxB, kAmxC, kAmxState
};
inline constexpr int kNumScratch = 14;

// 64-byte aligned, uninitialised, with 256 readable bytes behind the end; valid until the thread asks for the same
// block again.
void* scratch_bytes(Scratch block, std::size_t bytes);

template <class T>
T* scratch(Scratch block, i64 count) {
  return static_cast<T*>(scratch_bytes(block, static_cast<std::size_t>(count) * sizeof(T)));
}

}  // namespace pyflame::cpu
