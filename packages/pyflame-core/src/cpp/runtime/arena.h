// Memory for the temporaries of a run, kept between runs.
//
// Runs of a backend take turns, so all plans share one arena as large as the largest needs: a training step and an
// evaluation in turn hold the larger of the two, not both.
#pragma once
#include <cstddef>

namespace pyflame::runtime {

// Temporaries of one run; nested runs (an observer that evaluates) get memory of their own.
class ArenaLease {
 public:
  explicit ArenaLease(std::size_t bytes);  // throws MemoryError
  ~ArenaLease();
  ArenaLease(const ArenaLease&) = delete;
  ArenaLease& operator=(const ArenaLease&) = delete;
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

std::size_t kept_arena_bytes();
void release_arena();  // back to the system, until the next run

}  // namespace pyflame::runtime
