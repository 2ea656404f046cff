#include "base/buffer.h"

#include <cstdio>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/pages.h"

namespace pyflame {

void (*buffer_hook)(i64 bytes, const char* op) = nullptr;

namespace {

constexpr u32 kExternal = 255, kLargeBlock = 254;
constexpr int kHeader = 64;          // one cache line, so that the data behind it is aligned
static_assert(sizeof(Buffer) <= kHeader);
constexpr int kMinLog2 = 7;          // smallest block: header and one line of data
constexpr int kMaxCachedLog2 = 24;   // larger blocks, beyond 16 MiB, are not rounded to powers of two
constexpr int kBlocksPerClass = 64;  // bound on idle blocks of one size
constexpr std::size_t kLarge = std::size_t{256} << 20;
// Idle large blocks: kept while requests fit them, as the outputs of a repeated step do, and given back by the first that
// does not, so that they never add to what a change of sizes needs.
constexpr std::size_t kMaxIdleLarge = 32;

struct FreeList {
  Buffer* head = nullptr;
  int count = 0;
};
FreeList g_free[kMaxCachedLog2 + 1];
std::vector<Buffer*>& idle_large() {
  static auto* blocks = new std::vector<Buffer*>;
  return *blocks;
}
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

void release_idle_large() {
  for (Buffer* block : idle_large()) {
    g_stats.cached_bytes -= static_cast<i64>(block->block);
    std::free(block);
  }
  idle_large().clear();
}

// An idle block that the request fills to seven eighths at least; nullptr without one.
Buffer* take_idle(std::size_t block) {
  std::vector<Buffer*>& idle = idle_large();
  for (std::size_t i = idle.size(); i-- > 0;) {
    Buffer* found = idle[i];
    if (found->block < block || found->block - block > found->block / 8) continue;
    idle[i] = idle.back();
    idle.pop_back();
    g_stats.cached_bytes -= static_cast<i64>(found->block);
    return found;
  }
  return nullptr;
}

// A block of at least `block` bytes, which becomes its size.
Buffer* take_large(std::size_t& block, const char* op, std::size_t bytes) {
  if (Buffer* found = take_idle(block)) {
    block = found->block;
    return found;
  }
  release_idle_large();
  if (bytes >= kLarge && bytes > available_memory()) out_of_memory(op, bytes);
  auto* made = static_cast<Buffer*>(allocate_pages(block));
  if (!made) out_of_memory(op, bytes);
  ++g_stats.allocations;
  return made;
}

Buffer* take_small(u32 log2, const char* op, std::size_t bytes) {
  FreeList& list = g_free[log2];
  std::size_t block = std::size_t{1} << log2;
  if (Buffer* found = list.head) {
    list.head = static_cast<Buffer*>(found->owner);
    --list.count;
    g_stats.cached_bytes -= static_cast<i64>(block);
    return found;
  }
  auto* made = static_cast<Buffer*>(allocate_block(block, bytes + kHeader));
  if (!made) out_of_memory(op, bytes);
  ++g_stats.allocations;
  return made;
}

}  // namespace

MemoryStats& memory_stats() { return g_stats; }

Buffer* allocate_buffer(std::size_t bytes, const char* op) {
  if (bytes > (std::size_t{1} << 60)) out_of_memory(op, bytes);
  std::size_t block = bytes + kHeader;
  int log2 = kMinLog2;
  while ((std::size_t{1} << log2) < block && log2 <= kMaxCachedLog2) ++log2;
  bool large = log2 > kMaxCachedLog2;
  Buffer* buffer = large ? take_large(block, op, bytes) : take_small(static_cast<u32>(log2), op, bytes);
  *buffer = Buffer{1, large ? kLargeBlock : static_cast<u32>(log2), bytes, reinterpret_cast<char*>(buffer) + kHeader, nullptr, nullptr};
  if (large) buffer->block = block;
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
  if (buffer->size_class == kLargeBlock) {
    if (idle_large().size() >= kMaxIdleLarge) return std::free(buffer);
    g_stats.cached_bytes += static_cast<i64>(buffer->block);
    return idle_large().push_back(buffer);
  }
  if (g_free[buffer->size_class].count >= kBlocksPerClass) return std::free(buffer);
  FreeList& list = g_free[buffer->size_class];
  buffer->owner = list.head;
  list.head = buffer;
  ++list.count;
  g_stats.cached_bytes += i64{1} << buffer->size_class;
}

void empty_buffer_cache() {
  release_idle_large();
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
