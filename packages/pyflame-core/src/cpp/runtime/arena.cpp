#include "runtime/arena.h"

#include <pthread.h>

#include <cstdlib>
#include <mutex>
#include <new>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/pages.h"

namespace pyflame::runtime {

namespace {

// What only an occasional plan needs goes back to the system after that many runs which needed less than a quarter.
constexpr int kPatience = 256;
constexpr std::size_t kWorthKeeping = std::size_t{16} << 20;

struct Arena {
  void* data = nullptr;
  std::size_t bytes = 0;
  int small_runs = 0;
};
std::mutex g_mutex;
Arena g_kept;
// A child may be forked while another thread has the lock and the arena is half exchanged.
[[maybe_unused]] const int g_fork_hook = pthread_atfork(nullptr, nullptr, [] {
  new (&g_mutex) std::mutex;
  g_kept = Arena();
});

void drop_kept() {
  std::free(g_kept.data);
  g_kept = Arena();
}

}  // namespace

ArenaLease::ArenaLease(std::size_t bytes) {
  if (!bytes) return;
  {
    std::lock_guard<std::mutex> lock(g_mutex);
    bool small = bytes < g_kept.bytes / 4 && g_kept.bytes > kWorthKeeping;
    g_kept.small_runs = small ? g_kept.small_runs + 1 : 0;
    if (g_kept.small_runs > kPatience) drop_kept();
    if (g_kept.bytes >= bytes) {
      data_ = g_kept.data;
      bytes_ = g_kept.bytes;
      g_kept.data = nullptr;
      g_kept.bytes = 0;
      return;
    }
    drop_kept();
  }
  bytes_ = bytes;
  data_ = allocate_pages(bytes_);
  if (!data_) {
    fail(ErrorKind::kMemory, "[eval] cannot allocate " + std::to_string(bytes) + " bytes for temporaries: evaluate smaller parts");
  }
}

ArenaLease::~ArenaLease() {
  if (!data_) return;
  std::lock_guard<std::mutex> lock(g_mutex);
  if (bytes_ > g_kept.bytes) {
    std::swap(g_kept.data, data_);
    g_kept.bytes = bytes_;
  }
  std::free(data_);
}

std::size_t kept_arena_bytes() {
  std::lock_guard<std::mutex> lock(g_mutex);
  return g_kept.bytes;
}

void release_arena() {
  std::lock_guard<std::mutex> lock(g_mutex);
  drop_kept();
}

}  // namespace pyflame::runtime
