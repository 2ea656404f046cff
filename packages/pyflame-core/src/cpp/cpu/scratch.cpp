#include "cpu/scratch.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace pyflame::cpu {

namespace {

constexpr std::size_t kPadding = 256, kGranule = std::size_t{64} << 10, kHugePage = std::size_t{2} << 20;

// Large blocks lie in huge pages where the system has them: small ones scatter a block over the sets of the second-level
// cache, so that half of it may evict the other.
void* allocate(std::size_t bytes) {
#if defined(__linux__)
  if (bytes >= kHugePage / 2) {
    bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
    void* block = std::aligned_alloc(kHugePage, bytes);
    if (block) madvise(block, bytes, MADV_HUGEPAGE);  // advice: refused, the block is as good as any
    return block;
  }
#endif
  return std::aligned_alloc(64, bytes);
}

struct Blocks {
  void* data[kNumScratch] = {};
  std::size_t size[kNumScratch] = {};
  ~Blocks() {
    for (void* block : data) std::free(block);
  }
};
thread_local Blocks t_blocks;

}  // namespace

void* scratch_bytes(Scratch block, std::size_t bytes) {
  Blocks& blocks = t_blocks;
  int i = static_cast<int>(block);
  if (blocks.size[i] >= bytes && blocks.data[i]) return blocks.data[i];
  std::free(blocks.data[i]);
  blocks.size[i] = 0;
  std::size_t rounded = (bytes + kPadding + kGranule - 1) / kGranule * kGranule;
  blocks.data[i] = allocate(rounded);
  if (!blocks.data[i]) fail(ErrorKind::kMemory, "[cpu] cannot allocate " + std::to_string(bytes) + " bytes of scratch");
  blocks.size[i] = rounded - kPadding;
  return blocks.data[i];
}

}  // namespace pyflame::cpu
