#include "base/buffer.h"

#include <cstdio>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"

namespace pyflame {

void (*buffer_hook)(i64 bytes, const char* op) = nullptr;

namespace {

constexpr u32 kExternal = 255, kUncached = 254;
constexpr int kHeader = 64;          // one cache line, so that the data behind it is aligned
constexpr int kMinLog2 = 7;          // smallest block: header and one line of data
constexpr int kMaxCachedLog2 = 24;   // blocks beyond 16 MiB go back to the system at once
constexpr int kBlocksPerClass = 64;  // bound on idle blocks of one size
constexpr std::size_t kLarge = std::size_t{256} << 20;

struct FreeList {
  Buffer* head = nullptr;
  int count = 0;
};
FreeList g_free[kMaxCachedLog2 + 1];
MemoryStats g_stats;

// What the system could still give without swapping; asked only for very large requests, where
// overcommit would let the allocation pass and the kernel kill the process on first touch.
std::size_t available_memory() {
  std::FILE* file = std::fopen("/proc/meminfo", "r");
  if (!file) return SIZE_MAX;
  char line[128];
  unsigned long long kib = 0;
  std::size_t bytes = SIZE_MAX;
  while (std::fgets(line, sizeof line, file)) {
    if (std::sscanf(line, "MemAvailable: %llu kB", &kib) == 1) {
      bytes = static_cast<std::size_t>(kib) << 10;
      break;
    }
  }
  std::fclose(file);
  return bytes;
}

[[noreturn]] void out_of_memory(const char* op, std::size_t bytes) {
  fail(ErrorKind::kMemory, "[" + std::string(op) + "] cannot allocate " + std::to_string(bytes) +
                               " bytes: not enough memory; use smaller batches or free tensors first");
}

void count_live(Buffer* buffer, i64 sign, const char* op) {
  g_stats.live_bytes += sign * static_cast<i64>(buffer->bytes);
  g_stats.live_buffers += sign;
  if (g_stats.live_bytes > g_stats.peak_bytes) g_stats.peak_bytes = g_stats.live_bytes;
  if (__builtin_expect(buffer_hook != nullptr, 0)) buffer_hook(sign * static_cast<i64>(buffer->bytes), op);
}

}  // namespace

MemoryStats& memory_stats() { return g_stats; }

Buffer* allocate_buffer(std::size_t bytes, const char* op) {
  if (bytes > (std::size_t{1} << 60)) out_of_memory(op, bytes);
  std::size_t block = bytes + kHeader;
  int log2 = kMinLog2;
  while ((std::size_t{1} << log2) < block && log2 <= kMaxCachedLog2) ++log2;
  Buffer* buffer = nullptr;
  u32 size_class = kUncached;
  if (log2 <= kMaxCachedLog2) {
    size_class = static_cast<u32>(log2);
    FreeList& list = g_free[log2];
    block = std::size_t{1} << log2;
    if (list.head) {
      buffer = list.head;
      list.head = static_cast<Buffer*>(buffer->owner);
      --list.count;
      g_stats.cached_bytes -= static_cast<i64>(block);
    }
  } else {
    block = (block + 4095) & ~std::size_t{4095};
    if (bytes >= kLarge && bytes > available_memory()) out_of_memory(op, bytes);
  }
  if (!buffer) {
    buffer = static_cast<Buffer*>(std::aligned_alloc(64, block));
    if (!buffer) out_of_memory(op, bytes);
    ++g_stats.allocations;
  }
  *buffer = Buffer{1, size_class, bytes, reinterpret_cast<char*>(buffer) + kHeader, nullptr, nullptr};
  count_live(buffer, 1, op);
  return buffer;
}

Buffer* wrap_external(void* data, std::size_t bytes, void (*release)(void*), void* owner) {
  Buffer* buffer = new Buffer{1, kExternal, bytes, data, release, owner};
  count_live(buffer, 1, "external");
  return buffer;
}

void contents_change(Buffer* buffer) {
  delete buffer->derived;
  buffer->derived = nullptr;
  buffer->unchanged_reads = 0;
}

void free_buffer(Buffer* buffer) {
  contents_change(buffer);
  count_live(buffer, -1, nullptr);
  if (buffer->size_class == kExternal) {
    buffer->release(buffer->owner);
    delete buffer;
    return;
  }
  if (buffer->size_class == kUncached || g_free[buffer->size_class].count >= kBlocksPerClass) {
    std::free(buffer);
    return;
  }
  FreeList& list = g_free[buffer->size_class];
  buffer->owner = list.head;
  list.head = buffer;
  ++list.count;
  g_stats.cached_bytes += i64{1} << buffer->size_class;
}

void empty_buffer_cache() {
  for (int log2 = 0; log2 <= kMaxCachedLog2; ++log2) {
    FreeList& list = g_free[log2];
    while (Buffer* buffer = list.head) {
      list.head = static_cast<Buffer*>(buffer->owner);
      std::free(buffer);
    }
    g_stats.cached_bytes -= static_cast<i64>(list.count) << log2;
    list.count = 0;
  }
}

}  // namespace pyflame
