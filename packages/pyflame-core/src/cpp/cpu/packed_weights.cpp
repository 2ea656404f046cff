#include "cpu/packed_weights.h"

#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace pyflame::cpu {

namespace {

constexpr u32 kConstantReads = 4;  // a training step reads weights forwards, backwards, and forwards again when recomputing

bool same(const WeightKey& a, const WeightKey& b) {
  return a.from == b.from && a.user == b.user && std::memcmp(a.numbers, b.numbers, sizeof a.numbers) == 0;
}

}  // namespace

PackedWeights::~PackedWeights() {
  std::free(panels);
  delete[] ranges;
}

PackedWeights* kept_weights(Buffer* buffer, const WeightKey& key, i64 numbers, i64 ranges, const char* op, bool* fresh) {
  *fresh = false;
  if (!buffer) return nullptr;
  for (Derived* derived = buffer->derived; derived; derived = derived->next) {
    auto* kept = static_cast<PackedWeights*>(derived);
    if (same(kept->key, key)) return kept;
  }
  if (++buffer->unchanged_reads < kConstantReads) return nullptr;
  auto kept = std::make_unique<PackedWeights>();
  kept->key = key;
  kept->bytes = (static_cast<std::size_t>(numbers) * sizeof(u16) + 63) / 64 * 64;
  kept->panels = static_cast<u16*>(std::aligned_alloc(64, kept->bytes));
  if (!kept->panels) {
    fail(ErrorKind::kMemory, "[" + std::string(op) + "] cannot allocate " + std::to_string(kept->bytes) +
                                 " bytes for packed weights");
  }
  kept->ranges = new AmxRange[static_cast<std::size_t>(ranges)];
  *fresh = true;
  keep_derived(buffer, kept.get());
  return kept.release();
}

}  // namespace pyflame::cpu
