// Memory from the system, in huge pages where a block is large and the system has them: 64-byte aligned, to be freed with
// std::free; nullptr when there is none.
#pragma once
#include <cstddef>

namespace pyflame {

// Huge pages lie where the first `used` bytes fill them, so that they bring in no memory beside those.
void* allocate_block(std::size_t bytes, std::size_t used);
// `bytes` is rounded up to what the block holds.
void* allocate_pages(std::size_t& bytes);

}  // namespace pyflame
