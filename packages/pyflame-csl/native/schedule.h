#pragma once
// The calendar of events, keyed (cycle, kind, PE). Near events are bits in a ring of bitmaps, one per cycle, so that adding
// one costs a few instructions, the same event twice is one event, and a cycle's events come out in the order of PEs. Far
// events wait in a heap.
#include <cstdint>
#include <queue>
#include <vector>

namespace pyflame::csl {

// A set of integers below a fixed bound with a summary level, visited in increasing order.
class BitSet {
 public:
  explicit BitSet(uint32_t size = 0) : words_((size + 63) / 64), summary_((words_.size() + 63) / 64) {}
  void insert(uint32_t i) {
    words_[i >> 6] |= uint64_t(1) << (i & 63);
    summary_[i >> 12] |= uint64_t(1) << ((i >> 6) & 63);
  }
  // Calls `visit(i)` for each member and empties the set; members added meanwhile above the current one are visited too.
  template <typename Visit>
  void drain(Visit&& visit) {
    for (size_t top = 0; top < summary_.size(); top++) {
      while (summary_[top]) {
        size_t word = top * 64 + size_t(__builtin_ctzll(summary_[top]));
        while (words_[word]) {
          uint32_t i = uint32_t(word * 64) + uint32_t(__builtin_ctzll(words_[word]));
          words_[word] &= words_[word] - 1;
          visit(i);
        }
        summary_[top] &= ~(uint64_t(1) << (word & 63));
      }
    }
  }

 private:
  std::vector<uint64_t> words_, summary_;
};

class Schedule {
 public:
  enum Kind : uint8_t { router, core };

  explicit Schedule(uint32_t pes) {
    for (Slot& slot : ring_) slot = {BitSet(pes), BitSet(pes), false};
  }

  uint64_t now() const { return now_; }
  bool empty() const { return near_ == 0 && far_.empty(); }

  // An event whose turn is over, as those of routers are while the cores of the same cycle run, happens a cycle later.
  void add(uint64_t cycle, Kind kind, uint32_t pe) {
    uint64_t first = now_ + (kind == router ? routers_done_ : cores_done_);
    if (cycle < first) cycle = first;
    if (cycle - now_ >= ring_size) return far_.push({cycle, pe, kind});
    Slot& slot = ring_[cycle % ring_size];
    if (!slot.used) {
      slot.used = true;
      near_++;
    }
    (kind == router ? slot.routers : slot.cores).insert(pe);
  }

  // Goes to the next cycle that has events and runs them: routers first, then cores. False if there are none, or only after
  // `limit`.
  template <typename Router, typename Core>
  bool step(uint64_t limit, Router&& run_router, Core&& run_core) {
    uint64_t next = ~uint64_t(0);
    if (near_ > 0) {
      next = now_;
      while (!ring_[next % ring_size].used) next++;
    }
    if (!far_.empty() && far_.top().cycle < next) next = far_.top().cycle;
    if (next == ~uint64_t(0) || next > limit) return false;
    now_ = next;
    while (!far_.empty() && far_.top().cycle == now_) {
      Event event = far_.top();
      far_.pop();
      add(now_, event.kind, event.pe);
    }
    Slot& slot = ring_[now_ % ring_size];
    routers_done_ = true;
    slot.routers.drain([&](uint32_t pe) { run_router(pe); });
    cores_done_ = true;
    slot.cores.drain([&](uint32_t pe) { run_core(pe); });
    routers_done_ = cores_done_ = false;
    slot.used = false;
    near_--;
    now_++;
    return true;
  }

 private:
  static constexpr uint64_t ring_size = 16;
  struct Slot {
    BitSet routers, cores;
    bool used = false;
  };
  struct Event {
    uint64_t cycle;
    uint32_t pe;
    Kind kind;
    bool operator<(const Event& other) const {
      if (cycle != other.cycle) return cycle > other.cycle;
      if (kind != other.kind) return kind > other.kind;
      return pe > other.pe;
    }
  };
  Slot ring_[ring_size];
  std::priority_queue<Event> far_;
  uint64_t now_ = 0;
  int near_ = 0;
  bool routers_done_ = false, cores_done_ = false;
};

}  // namespace pyflame::csl
