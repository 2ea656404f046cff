#include "base/pages.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstdlib>

namespace pyflame {

void* allocate_pages(std::size_t& bytes) {
#if defined(__linux__)
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  if (bytes >= kHugePage) {
    bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
    void* block = std::aligned_alloc(kHugePage, bytes);
    if (block) madvise(block, bytes, MADV_HUGEPAGE);  // advice: refused, the block is as good as any
    return block;
  }
#endif
  bytes = (bytes + 4095) & ~std::size_t{4095};
  return std::aligned_alloc(64, bytes);
}

}  // namespace pyflame
