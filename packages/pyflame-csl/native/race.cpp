// Races in memory: what an unfinished asynchronous operation uses, nobody else may write, and what it writes, nobody may use.
// The test of one access is a look at a list that is empty while no such operation runs.
#include <algorithm>
#include <cstdlib>

#include "machine.h"

namespace pyflame::csl {

namespace {

bool lies_in_memory(const Cursor& cursor) {
  return cursor.kind == Cursor::affine || cursor.kind == Cursor::nested || cursor.kind == Cursor::circular;
}

}  // namespace

Claim Machine::claim_of(const Pe& pe, const Cursor& cursor, uint32_t count) const {
  Claim claim;
  claim.cursor = cursor;
  claim.count = count;
  int64_t low = cursor.address, high = low;
  if (cursor.kind == Cursor::affine) {
    int64_t reach = int64_t(cursor.step) * (int64_t(count) - 1);
    (reach < 0 ? low : high) += reach;
  } else if (cursor.kind == Cursor::circular) {
    low = cursor.base;
    high = low + cursor.wrap - cursor.bytes;
  } else {
    const Descriptor& shape = pe.tile->descriptors[cursor.table];
    for (size_t i = 0; i < size_t(shape.rank); i++) {
      int64_t reach = (int64_t(shape.extents[i]) - 1) * shape.strides[i] * int64_t(cursor.base);
      (reach < 0 ? low : high) += reach;
    }
  }
  claim.low = low;
  claim.high = high + cursor.bytes;
  return claim;
}

// Whether one of the claim's elements shares a byte with [low, high).
bool Machine::touches(const Pe& pe, const Claim& claim, int64_t low, int64_t high) const {
  if (high <= claim.low || claim.high <= low) return false;
  const Cursor& cursor = claim.cursor;
  if (cursor.kind == Cursor::nested && claim.count <= memory_bytes) {
    Cursor walker = cursor;
    for (uint32_t i = 0; i < claim.count; i++, advance(pe, walker))
      if (walker.address < high && low < int64_t(walker.address) + walker.bytes) return true;
    return false;
  }
  int64_t step = std::abs(cursor.step);
  if (cursor.kind != Cursor::affine || step <= cursor.bytes) return true;
  int64_t into = (std::max(low, claim.low) - claim.low) % step;  // past the element before it
  return into < cursor.bytes || into + (high - std::max(low, claim.low)) > step;
}

void Machine::claim_memory(Pe& pe, const Operation& op, int number) {
  for (size_t k = 0; k <= op.sources; k++) {
    if (!lies_in_memory(op.cursors[k]) || op.length == 0) continue;
    Claim claim = claim_of(pe, op.cursors[k], op.length);
    claim.writes = k == 0;
    claim.number = int8_t(number);
    pe.claims.push_back(claim);
  }
}

void Machine::release_memory(Pe& pe, int number) {
  auto of_it = [number](const Claim& claim) { return claim.number == number; };
  pe.claims.erase(std::remove_if(pe.claims.begin(), pe.claims.end(), of_it), pe.claims.end());
}

void Machine::report_race(Pe& pe, const Claim& claim, uint32_t address, bool writes) {
  const Operation& op = pe.operations[size_t(claim.number)];
  std::string where;
  if (op.span.line && op.span.file >= 0 && size_t(op.span.file) < program_.files.size())
    where = " of " + program_.files[size_t(op.span.file)] + ":" + std::to_string(op.span.line) + ":" + std::to_string(op.span.column);
  warn(pe, "memory-race", std::string(writes ? "writes " : "reads ") + place(address, pe) + ", which the asynchronous operation" + where +
                              " (microthread " + std::to_string(claim.number) + ") still " + (claim.writes ? "writes" : "reads") +
                              ": wait for its completion, which can activate or unblock a task");
}

void Machine::check_race(Pe& pe, uint32_t address, uint32_t bytes, bool writes) {
  for (const Claim& claim : pe.claims)
    if ((writes || claim.writes) && claim.number != pe.acting && touches(pe, claim, address, int64_t(address) + bytes))
      return report_race(pe, claim, address, writes);
}

void Machine::check_race(Pe& pe, const Operation& op) {
  for (const Claim& claim : pe.claims)
    for (size_t k = 0; k <= op.sources; k++) {
      const Cursor& cursor = op.cursors[k];
      if (!lies_in_memory(cursor) || op.length == 0 || (k && !claim.writes) || claim.number == pe.acting) continue;
      Claim own = claim_of(pe, cursor, op.length);
      if (own.high <= claim.low || claim.high <= own.low) continue;
      Cursor walker = cursor;
      for (uint32_t i = 0, last = std::min(op.length, memory_bytes); i < last; i++, advance(pe, walker)) {
        if (!touches(pe, claim, walker.address, int64_t(walker.address) + walker.bytes)) continue;
        report_race(pe, claim, walker.address, k == 0);
        return;
      }
    }
}

}  // namespace pyflame::csl
