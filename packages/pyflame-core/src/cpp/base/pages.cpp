#include "base/pages.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstdlib>

namespace pyflame {

namespace {
constexpr std::size_t kHugePage = std::size_t{2} << 20;
}

void* allocate_block(std::size_t bytes, std::size_t used) {
#if defined(__linux__)
  if (const std::size_t whole = used / kHugePage * kHugePage) {
    void* block = std::aligned_alloc(kHugePage, bytes);
    if (block) madvise(block, whole, MADV_HUGEPAGE);  // advice: refused, the block is as good as any
    return block;
  }
#endif
  return std::aligned_alloc(64, bytes);
}

void* allocate_pages(std::size_t& bytes) {
  const std::size_t unit = bytes >= kHugePage ? kHugePage : 4096;
  bytes = (bytes + unit - 1) / unit * unit;
  return allocate_block(bytes, bytes);
}

}  // namespace pyflame
