// Reference-counted storage, 64-byte aligned, with live-byte accounting. Counts change only under the GIL.
#pragma once
#include <cstddef>

#include "base/dtype.h"

namespace pyflame {

// What was computed from a buffer's contents and is kept with it until they change or go: weights in the order in which a
// kernel reads them.
struct Derived {
  virtual ~Derived() = default;
};

struct Buffer {
  u32 refs;
  u32 size_class;                // index of the free list it returns to, kLargeBlock, or kExternal when `owner` frees it
  std::size_t bytes;             // as asked for
  void* data;                    // 64-byte aligned unless external
  void (*release)(void* owner);  // external memory only (for example a read-only NumPy array)
  void* owner;
  Derived* derived = nullptr;
  u32 unchanged_reads = 0;       // as a weight, since the contents changed
  std::size_t block = 0;         // bytes of a large block, with this header

  void retain() { ++refs; }
};

// Throws MemoryError naming op and bytes when the system has not enough memory.
Buffer* allocate_buffer(std::size_t bytes, const char* op);
Buffer* wrap_external(void* data, std::size_t bytes, void (*release)(void*), void* owner);
void free_buffer(Buffer* buffer);
void contents_change(Buffer* buffer);  // before a kernel overwrites it

inline void release_buffer(Buffer* buffer) {
  if (--buffer->refs == 0) free_buffer(buffer);
}

// Called when a buffer comes (bytes > 0, for which op) and goes (bytes < 0); empty unless somebody listens.
extern void (*buffer_hook)(i64 bytes, const char* op);

struct MemoryStats {
  i64 live_bytes = 0, peak_bytes = 0, cached_bytes = 0, live_buffers = 0, allocations = 0;
};
MemoryStats& memory_stats();
void empty_buffer_cache();  // returns cached blocks to the system

}  // namespace pyflame
