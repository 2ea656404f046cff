#include "cpu/threads.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include "base/error.h"
#include "cpu/processors.h"

namespace pyflame::cpu {

namespace {

using Clock = std::chrono::steady_clock;
using Body = void (*)(void* context, i64 begin, i64 end);

// Between two regions of one plan a worker is needed again within tens of microseconds; beyond that it sleeps.
constexpr auto kSpin = std::chrono::microseconds(100);

inline void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

thread_local bool t_in_region = false;

// Never destroyed, and its workers are detached: a process may exit at any moment, workers idle or not.
class Pool {
 public:
  explicit Pool(int threads) : threads_(threads) {
    for (int i = 1; i < threads; ++i) std::thread([this] { work(); }).detach();
  }

  int threads() const { return threads_; }

  void run(i64 n, i64 grain, Body body, void* context) {
    n_ = n;
    grain_ = grain;
    body_ = body;
    context_ = context;
    error_ = nullptr;
    next_.store(0, std::memory_order_relaxed);
    open_.store(true);
    epoch_.fetch_add(1);
    if (sleepers_.load() > 0) {
      std::lock_guard<std::mutex> lock(mutex_);
      wake_.notify_all();
    }
    take_chunks();
    // A worker counts itself in before it looks at open_, so either it sees the region closed or it is waited for.
    open_.store(false);
    wait_for_workers();
    if (error_) std::rethrow_exception(error_);
  }

  // Workers leave; the object stays, since they may still be looking at it.
  void retire() {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_.store(true);
    epoch_.fetch_add(1);
    wake_.notify_all();
  }

 private:
  void take_chunks() {
    t_in_region = true;
    for (;;) {
      i64 begin = next_.fetch_add(grain_, std::memory_order_relaxed);
      if (begin >= n_) break;
      i64 end = n_ - begin < grain_ ? n_ : begin + grain_;
      try {
        body_(context_, begin, end);
      } catch (...) {
        std::lock_guard<std::mutex> lock(mutex_);
        if (!error_) error_ = std::current_exception();
        next_.store(n_, std::memory_order_relaxed);
      }
    }
    t_in_region = false;
  }

  void work() {
    u64 seen = 0;
    while (wait_for_region(seen)) {
      inside_.fetch_add(1);
      if (open_.load()) take_chunks();
      if (inside_.fetch_sub(1) == 1 && waiting_.load()) {
        std::lock_guard<std::mutex> lock(mutex_);
        done_.notify_one();
      }
    }
  }

  // The last chunks are usually as good as done; a worker that lost its processor is not worth burning another for.
  void wait_for_workers() {
    auto done = [&] { return inside_.load() == 0; };
    if (spin_until(done)) return;
    std::unique_lock<std::mutex> lock(mutex_);
    waiting_.store(true);
    done_.wait(lock, done);
    waiting_.store(false);
  }

  template <class Condition>
  static bool spin_until(const Condition& holds) {
    auto deadline = Clock::now() + kSpin;
    do {
      for (int i = 0; i < 32; ++i) {
        if (holds()) return true;
        pause_cpu();
      }
    } while (Clock::now() < deadline);
    return holds();
  }

  bool wait_for_region(u64& seen) {
    auto changed = [&] { return epoch_.load() != seen; };
    if (!spin_until(changed)) {
      std::unique_lock<std::mutex> lock(mutex_);
      sleepers_.fetch_add(1);
      wake_.wait(lock, changed);
      sleepers_.fetch_sub(1);
    }
    seen = epoch_.load();
    return !stop_.load();
  }

  const int threads_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::atomic<u64> epoch_{0};
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false}, waiting_{false};
  alignas(64) std::atomic<bool> open_{false};
  std::atomic<int> inside_{0};
  i64 n_ = 0, grain_ = 1;
  Body body_ = nullptr;
  void* context_ = nullptr;
  std::exception_ptr error_;
  alignas(64) std::atomic<i64> next_{0};
};

// Behind pointers that a forked child replaces: there, another thread may have held the lock for ever.
struct State {
  std::mutex busy;
  Pool* pool = nullptr;
};
std::atomic<State*> g_state{new State};
std::atomic<int> g_threads{0};
[[maybe_unused]] const int g_fork_hook = pthread_atfork(nullptr, nullptr, [] { g_state.store(new State); });

int default_threads() {
  if (const char* text = std::getenv("PYFLAME_NUM_THREADS")) {
    char* end = nullptr;
    long value = std::strtol(text, &end, 10);
    if (end == text || *end || value < 1 || value > 4096) {
      value_error("[threads] PYFLAME_NUM_THREADS=" + std::string(text) + ": expected a number from 1 to 4096");
    }
    return static_cast<int>(value);
  }
  return available_processors();
}

void run_inline(i64 n, i64 grain, Body body, void* context) {
  for (i64 begin = 0; begin < n; begin += grain) body(context, begin, n - begin < grain ? n : begin + grain);
}

}  // namespace

int num_threads() {
  int threads = g_threads.load(std::memory_order_relaxed);
  if (threads == 0) {
    threads = default_threads();
    g_threads.store(threads, std::memory_order_relaxed);
  }
  return threads;
}

void set_num_threads(int n) {
  if (n < 1) value_error("[set_num_threads] n is " + std::to_string(n) + ": at least 1 thread is needed");
  State& s = *g_state.load();
  std::lock_guard<std::mutex> lock(s.busy);
  g_threads.store(n, std::memory_order_relaxed);
  if (s.pool && s.pool->threads() != n) {
    s.pool->retire();
    s.pool = nullptr;
  }
}

void parallel_for_raw(i64 n, i64 grain, Body body, void* context) {
  if (n <= 0) return;
  if (n <= grain || t_in_region || num_threads() == 1) return run_inline(n, grain, body, context);
  State& s = *g_state.load();
  std::unique_lock<std::mutex> lock(s.busy, std::try_to_lock);
  if (!lock.owns_lock()) return run_inline(n, grain, body, context);  // another thread has the workers
  if (!s.pool) s.pool = new Pool(num_threads());
  s.pool->run(n, grain, body, context);
}

}  // namespace pyflame::cpu
