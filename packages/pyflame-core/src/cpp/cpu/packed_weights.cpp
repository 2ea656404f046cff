#include "cpu/packed_weights.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/error.h"
#include "base/pages.h"

namespace pyflame::cpu {

namespace {

constexpr u32 kConstantReads = 4;  // a training step reads weights forwards, backwards, and forwards again when recomputing

bool same(const WeightKey& a, const WeightKey& b) {
  return a.from == b.from && a.user == b.user && std::memcmp(a.numbers, b.numbers, sizeof a.numbers) == 0;
}

std::atomic<i64> g_bytes{0};  // kernels run without the GIL

}  // namespace

i64 packed_bytes() { return g_bytes.load(std::memory_order_relaxed); }

PackedWeights::PackedWeights(const WeightKey& packed, i64 numbers, i64 num_ranges, const char* op)
    : key(packed), bytes(static_cast<std::size_t>(numbers) * sizeof(u16)),
      panels(static_cast<u16*>(allocate_pages(bytes))), ranges(new AmxRange[static_cast<std::size_t>(num_ranges)]),
      next(nullptr) {
  if (!panels) {
    delete[] ranges;
    fail(ErrorKind::kMemory,
         "[" + std::string(op) + "] cannot allocate " + std::to_string(bytes) + " bytes for packed weights");
  }
  g_bytes += static_cast<i64>(bytes);
}

PackedWeights::~PackedWeights() {
  g_bytes -= static_cast<i64>(bytes);
  std::free(panels);
  delete[] ranges;
  delete next;
}

PackedWeights* kept_weights(Buffer* buffer, const WeightKey& key, i64 numbers, i64 ranges, const char* op, bool* fresh) {
  *fresh = false;
  if (!buffer) return nullptr;
  auto* first = static_cast<PackedWeights*>(buffer->derived);
  for (PackedWeights* kept = first; kept; kept = kept->next) {
    if (same(kept->key, key)) return kept;
  }
  if (++buffer->unchanged_reads < kConstantReads) return nullptr;
  auto* kept = new PackedWeights(key, numbers, ranges, op);
  kept->next = first;
  buffer->derived = kept;
  *fresh = true;
  return kept;
}

}  // namespace pyflame::cpu
