// Reading and writing the elements of operands, and operations whose operands all lie in memory.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "machine.h"
#include "scalar.h"

namespace pyflame::csl {

void Machine::advance(const Pe& pe, Cursor& cursor) const {
  switch (cursor.kind) {
    case Cursor::affine:
      cursor.address += uint32_t(cursor.step);
      break;
    case Cursor::circular:
      cursor.address += uint32_t(cursor.step);
      if (cursor.address >= cursor.base + cursor.wrap) cursor.address -= cursor.wrap;
      break;
    case Cursor::nested: {
      const Descriptor& shape = pe.tile->descriptors[cursor.table];
      int32_t size = int32_t(cursor.base);
      for (int i = shape.rank - 1; i >= 0; i--) {
        size_t d = size_t(i);
        cursor.address += uint32_t(shape.strides[d] * size);
        if (++cursor.counts[d] < shape.extents[d]) return;
        cursor.address -= uint32_t(int32_t(shape.extents[d]) * shape.strides[d] * size);
        cursor.counts[d] = 0;
      }
      break;
    }
    default:
      break;
  }
}

void Machine::check_address(const Pe& pe, uint32_t address, uint32_t bytes) const {
  if (address > memory_bytes - bytes)
    fault(pe, "out-of-bounds", "a DSD operation reaches byte address " + std::to_string(int32_t(address)) +
                                   ", outside the 49152 bytes of a PE", now());
  if (bytes > 1 && (address & 1))
    fault(pe, "misaligned", "a DSD operation uses " + place(address, pe) + ", an odd address", now());
}

uint64_t Machine::take(Pe& pe, Cursor& cursor, uint32_t done) {
  uint64_t value = 0;
  switch (cursor.kind) {
    case Cursor::scalar:
      return cursor.value;
    case Cursor::fabin: {
      if (cursor.is_second(done)) return cursor.value;
      Channel& channel = pe.inputs[cursor.channel];
      value = channel.ring.front().data;
      if (channel.ring.size >= channel.depth) schedule_.add(now() + 1, Schedule::router, pe.index);
      channel.ring.pop();
      if (!channel.ring.empty() || (pe.host_in_colors && channel.color >= 0))
        schedule_.add(now() + 1, Schedule::core, pe.index);
      if (cursor.packs()) cursor.value = value >> 16;
      return cursor.bytes == 2 ? value & 0xffff : value;
    }
    case Cursor::fifo: {
      const Fifo& shape = pe.tile->fifos[cursor.table];
      FifoState& fifo = pe.fifos[cursor.table];
      std::memcpy(&value, pe.data() + shape.address + fifo.head * shape.size, shape.size);
      fifo.head = (fifo.head + 1) % shape.capacity;
      fifo.count--;
      schedule_.add(now() + 1, Schedule::core, pe.index);
      if (shape.activate_pop >= 0) activate(pe, IdSpace::local_task, shape.activate_pop, now() + 1);
      return value;
    }
    default:
      check_address(pe, cursor.address, cursor.bytes);
      std::memcpy(&value, pe.data() + cursor.address, cursor.bytes);
      if (!pe.written(cursor.address))
        warn(pe, "uninitialized-read", "a DSD operation reads " + place(cursor.address, pe) + ", which nothing has written");
      advance(pe, cursor);
      return value;
  }
}

void Machine::put(Pe& pe, Operation& op, Cursor& cursor, uint64_t value) {
  switch (cursor.kind) {
    case Cursor::fabout: {
      if (cursor.bytes == 2) value &= 0xffff;
      if (op.waits_for_second(cursor)) {
        cursor.value = value;
        return;
      }
      Wavelet wavelet;
      wavelet.data = uint32_t(cursor.is_second(op.done) ? value << 16 | cursor.value : value);
      if (cursor.bytes == 2 && cursor.index_offset) wavelet.data |= (op.done + op.settings.index) << 16;
      wavelet.color = cursor.color;
      wavelet.control = cursor.control;
      wavelet.advance = cursor.advance_switch && !op.endless && op.done + 1 == op.length;
      wavelet.ready = now() + costs_.ramp_out;
      pe.outputs[cursor.queue].ring.push(wavelet);
      routers_[pe.index].ramp_queues |= uint8_t(1 << cursor.queue);
      wavelets_[cursor.color]++;
      schedule_.add(wavelet.ready, Schedule::router, pe.index);
      return;
    }
    case Cursor::fifo: {
      const Fifo& shape = pe.tile->fifos[cursor.table];
      FifoState& fifo = pe.fifos[cursor.table];
      uint32_t at = shape.address + (fifo.head + fifo.count) % shape.capacity * shape.size;
      std::memcpy(pe.data() + at, &value, shape.size);
      pe.mark(at, shape.size);
      fifo.count++;
      schedule_.add(now() + 1, Schedule::core, pe.index);
      if (shape.activate_push >= 0) activate(pe, IdSpace::local_task, shape.activate_push, now() + 1);
      return;
    }
    case Cursor::scalar:
      return;
    default:
      check_address(pe, cursor.address, cursor.bytes);
      std::memcpy(pe.data() + cursor.address, &value, cursor.bytes);
      pe.mark(cursor.address, cursor.bytes);
      advance(pe, cursor);
  }
}

void Machine::check_extent(Pe& pe, const Cursor& cursor, uint32_t count) {
  if (cursor.kind != Cursor::affine || count == 0) return;
  int64_t first = cursor.address, last = first + int64_t(cursor.step) * (count - 1);
  int64_t low = std::min(first, last), high = std::max(first, last) + cursor.bytes;
  if (low < 0 || high > memory_bytes)
    fault(pe, "out-of-bounds", "a DSD of " + std::to_string(count) + " elements from byte address " + std::to_string(first) +
                                   " leaves the 49152 bytes of a PE", now());
  if (cursor.bytes > 1 && (low & 1 || cursor.step & 1))
    fault(pe, "misaligned", "a DSD uses " + place(uint32_t(low), pe) + ", an odd address", now());
  const Symbol* symbol = pe.tile->symbol_at(cursor.address);
  if (symbol && (low < symbol->address || high > int64_t(symbol->address) + symbol->bytes)) {
    int64_t beyond = high > int64_t(symbol->address) + symbol->bytes ? high - symbol->address - symbol->bytes : symbol->address - low;
    warn(pe, "dsd-past-array", "a DSD over " + symbol->name + " (" + std::to_string(symbol->bytes) + " bytes) reaches " +
                                   std::to_string(beyond) + " bytes past it");
  }
}

namespace {

bool all_written(const Pe& pe, const Cursor& cursor, uint32_t count) {
  if (cursor.step == cursor.bytes) {
    uint32_t word = cursor.address >> 1, end = (cursor.address + count * cursor.bytes + 1) >> 1;
    while (word < end) {
      if ((word & 63) == 0 && word + 64 <= end && pe.shadow[word >> 6] == ~uint64_t(0)) word += 64;
      else if (!(pe.shadow[word >> 6] >> (word & 63) & 1)) return false;
      else word++;
    }
    return true;
  }
  uint32_t address = cursor.address;
  for (uint32_t i = 0; i < (cursor.step ? count : 1); i++, address += uint32_t(cursor.step))
    if (!pe.written(address)) return false;
  return true;
}

}  // namespace

void Machine::run_affine(Pe& pe, Operation& op) {
  uint64_t scalars[6];
  Span1d spans[6];
  bool complete = true, moves = dsd_info(op.code).is_move;
  for (size_t k = 0; k <= op.sources; k++) {
    Cursor& cursor = op.cursors[k];
    scalars[k] = cursor.value;
    spans[k] = {cursor.kind == Cursor::scalar ? reinterpret_cast<uint8_t*>(&scalars[k]) : pe.data() + cursor.address, cursor.step};
    if (k && cursor.kind == Cursor::affine && !all_written(pe, cursor, op.length)) {
      complete = false;
      if (!moves)
        warn(pe, "uninitialized-read", "a DSD operation reads " + place(cursor.address, pe) + " or what follows it before it is written");
    }
  }
  if (op.accumulates) {
    spans[0] = {reinterpret_cast<uint8_t*>(&scalars[0]), 0};
    for (size_t k = 1; k <= op.sources && k <= 2; k++)
      if (op.cursors[k].kind == Cursor::scalar) {
        scalars[0] = op.cursors[k].value;
        spans[k] = spans[0];
      }
  }
  dsd_loop(op.code, spans[0], spans + 1, op.length);
  Cursor& dst = op.cursors[0];
  if (op.accumulates) std::memcpy(pe.data() + dst.address, &scalars[0], dst.bytes);
  // A copy of what nothing has written is no use of it: the destination then counts as not written either.
  if (dst.step == dst.bytes && complete) {
    pe.mark(dst.address, op.length * dst.bytes);
  } else {
    uint32_t to = dst.address, from = op.sources ? op.cursors[1].address : 0;
    for (uint32_t i = 0; i < (dst.step ? op.length : 1); i++) {
      if (complete || !moves || op.cursors[1].kind != Cursor::affine || pe.written(from)) pe.mark(to, dst.bytes);
      else pe.unmark(to, dst.bytes);
      to += uint32_t(dst.step);
      from += uint32_t(op.cursors[1].step);
    }
  }
  for (size_t k = 0; k <= op.sources; k++)
    if (op.cursors[k].kind == Cursor::affine) op.cursors[k].address += uint32_t(op.cursors[k].step) * op.length;
}

// Cycles of `op` in memory after its set-up. With banks, two vector sources whose addresses differ by 4 modulo 8 are read
// side by side; where they differ by 0 modulo 8, they wait for each other.
uint64_t Machine::memory_cost(const Operation& op) const {
  double per_element = costs_.cycles_per_element[size_t(dsd_info(op.code).rate)];
  if (op.accumulates) per_element = std::max(per_element, costs_.reduction);
  for (size_t k = 0; k <= op.sources; k++) {
    const Cursor& cursor = op.cursors[k];
    if (cursor.kind != Cursor::affine || cursor.step == 0) continue;
    uint32_t elements = uint32_t(std::abs(cursor.step)) / cursor.bytes;
    if (elements > 1 && elements % 8 == 0) per_element = std::max(per_element, 1.0);
    else if (elements > 1 && (elements % 8 == 1 || elements % 8 == 4 || elements % 8 == 7)) per_element = std::max(per_element, 0.5);
  }
  const Cursor &x = op.cursors[1], &y = op.cursors[2];
  bool vectors = op.sources >= 2 && x.kind == Cursor::affine && y.kind == Cursor::affine && x.step != 0 && y.step != 0;
  if (costs_.banks && vectors) {
    uint32_t apart = (y.address - x.address) % 8;
    if (apart == 0) per_element *= costs_.bank_conflict;
    else if (apart == 4 && dsd_info(op.code).rate == Rate::arith32) per_element *= costs_.bank_aligned;
  }
  return uint64_t(std::ceil(op.length * per_element));
}

uint64_t Machine::run_in_memory(Pe& pe, Operation& op, uint64_t time) {
  if (op.map) {
    uint64_t begin = time;
    for (op.done = 0; op.done < op.length; op.done++) {
      element(pe, op, time);
      look();
    }
    return std::max(time, begin + uint64_t(std::ceil(op.length * costs_.cycles_per_element[size_t(Rate::map)])));
  }
  uint64_t cost = memory_cost(op);
  bool affine = op.code != dsd_random16;
  for (size_t k = 0; k <= op.sources; k++) {
    affine &= op.cursors[k].kind == Cursor::affine || op.cursors[k].kind == Cursor::scalar;
    check_extent(pe, op.cursors[k], op.length);
  }
  if (affine) run_affine(pe, op);
  else
    for (op.done = 0; op.done < op.length; op.done++) element(pe, op, time);
  pe.stats.elements += op.length;
  return time + cost;
}

}  // namespace pyflame::csl
