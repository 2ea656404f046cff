// Memory from the system, in huge pages where a block is large and the system has them.
#pragma once
#include <cstddef>

namespace pyflame {

// 64-byte aligned, to be freed with std::free; nullptr when there is none. `bytes` is rounded up to what the block holds.
void* allocate_pages(std::size_t& bytes);

}  // namespace pyflame
