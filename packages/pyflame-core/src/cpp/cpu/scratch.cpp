#include "cpu/scratch.h"

#include <cstdlib>
#include <string>

#include "base/error.h"
#include "base/pages.h"

namespace pyflame::cpu {

namespace {

constexpr std::size_t kPadding = 256, kGranule = std::size_t{64} << 10;

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
  // Huge pages also keep a packed panel in order: small ones scatter it over the sets of the second-level cache, so that
  // half of it may evict the other.
  blocks.data[i] = allocate_pages(rounded);
  if (!blocks.data[i]) fail(ErrorKind::kMemory, "[cpu] cannot allocate " + std::to_string(bytes) + " bytes of scratch");
  blocks.size[i] = rounded - kPadding;
  return blocks.data[i];
}

}  // namespace pyflame::cpu
