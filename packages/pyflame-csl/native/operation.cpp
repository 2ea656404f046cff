// DSD operations and @map: issued by the main thread, run at once if all operands lie in memory, else element by element as a
// microthread (an asynchronous one) or while the main thread waits (a synchronous one).
#include <algorithm>
#include <cmath>
#include <utility>

#include "machine.h"
#include "scalar.h"

namespace pyflame::csl {

namespace {

constexpr uint64_t most_elements = 1 << 24;  // of one operation, far more than memory has

int16_t id_or_none(uint16_t reg, const uint64_t* registers) { return reg == no_reg ? int16_t(-1) : int16_t(registers[reg] & 0xff); }

void merge(Settings& into, const Settings& dsr) {
  into.is_async |= dsr.is_async;
  if (into.activate < 0) into.activate = dsr.activate;
  if (into.unblock < 0) {
    into.unblock = dsr.unblock;
    into.unblock_space = dsr.unblock_space;
  }
  if (into.on_control < 0) into.on_control = dsr.on_control;
  if (into.ut < 0) into.ut = dsr.ut;
  into.priority = std::max(into.priority, dsr.priority);
}

}  // namespace

Settings Machine::settings_of(const Options& options, const uint64_t* registers) const {
  Settings settings;
  settings.is_async = options.is_async;
  settings.save_address = options.save_address;
  settings.priority = options.priority;
  settings.unblock_space = options.unblock_space;
  settings.activate = id_or_none(options.activate, registers);
  settings.unblock = id_or_none(options.unblock, registers);
  settings.on_control = id_or_none(options.on_control, registers);
  settings.ut = id_or_none(options.ut, registers);
  settings.index = options.index == no_reg ? 0 : uint16_t(registers[options.index]);
  return settings;
}

void Machine::load_dsr(Pe& pe, int file, int number, Dsd dsd, const Settings& settings) {
  static const char* const names[] = {"dest", "src0", "src1"};
  std::string name = std::string("dsr_") + names[file] + " " + std::to_string(number);
  for (int i = 0; i <= microthreads; i++) {
    const Operation& op = pe.operations[size_t(i)];
    if (!op.running) continue;
    for (const Cursor& cursor : op.cursors)
      if (cursor.dsr_file == file && cursor.dsr_number == number)
        fault(pe, "dsr-reuse", name + " is loaded while microthread " + std::to_string(i) + " uses it: wait for its completion",
              now());
  }
  if ((dsd.kind() == DsdKind::fabin && file == 0) || (dsd.kind() == DsdKind::fabout && file != 0))
    fault(pe, "dsr-direction", name + (file ? " cannot hold a fabout DSD" : " cannot hold a fabin DSD"), now());
  pe.dsrs[size_t(file)][size_t(number)] = {dsd, settings, true};
}

Cursor Machine::cursor_of(Pe& pe, const Operand& operand, int bytes, const uint64_t* registers, uint16_t index) {
  Cursor cursor;
  cursor.bytes = uint8_t(bytes);
  if (operand.kind == Operand::scalar) {
    cursor.value = registers[operand.value];
    return cursor;
  }
  if (operand.kind == Operand::pointer) {
    cursor.kind = Cursor::affine;
    cursor.address = uint32_t(registers[operand.value]);
    return cursor;
  }
  Dsd dsd{operand.kind == Operand::dsd ? registers[operand.value] : 0};
  if (operand.kind == Operand::dsr) {
    const Dsr& dsr = pe.dsrs[operand.file][operand.value];
    if (!dsr.loaded) fault(pe, "dsr-not-loaded", "a DSR is used before @load_to_dsr", now());
    dsd = dsr.dsd;
    cursor.dsr_file = int8_t(operand.file);
    cursor.dsr_number = int8_t(operand.value);
  }
  cursor.length = dsd.length();
  if (dsd.is_fabric()) cursor.priority = dsd.priority();
  const TileClass& tile = *pe.tile;
  const uint32_t size = uint32_t(bytes);  // operands step by the elements of the operation; an index counts 16-bit words
  switch (dsd.kind()) {
    case DsdKind::mem1d:
      cursor.kind = Cursor::affine;
      cursor.address = dsd.base() + (dsd.index_offset() ? index * 2u : 0);
      cursor.step = dsd.stride() * int32_t(size);
      break;
    case DsdKind::mem4d: {
      if (dsd.table() >= tile.descriptors.size()) fault(pe, "bad-dsd", "a mem4d DSD names no descriptor", now());
      const Descriptor& shape = tile.descriptors[dsd.table()];
      cursor.kind = Cursor::nested;
      cursor.table = uint16_t(dsd.table());
      cursor.address = dsd.base() + (dsd.index_offset() ? index * 2u : 0);
      cursor.base = size;
      uint64_t count = 1;
      for (int i = 0; i < shape.rank; i++) count *= shape.extents[size_t(i)];  // four extents of 16 bits fit
      if (count > most_elements)
        fault(pe, "bad-dsd", "a mem4d DSD has " + std::to_string(count) + " elements, more than " + std::to_string(most_elements), now());
      cursor.length = uint32_t(count);
      break;
    }
    case DsdKind::circbuf: {
      if (dsd.table() >= tile.descriptors.size()) fault(pe, "bad-dsd", "a circular buffer names no descriptor", now());
      cursor.kind = Cursor::circular;
      cursor.base = cursor.address = dsd.base();
      cursor.step = dsd.stride() * int32_t(size);
      cursor.wrap = tile.descriptors[dsd.table()].wraparound * size;
      if (cursor.wrap == 0 || cursor.step < 0 || uint32_t(cursor.step) > cursor.wrap)
        fault(pe, "bad-dsd", "a circular buffer needs a wraparound of at least its stride", now());
      break;
    }
    case DsdKind::fabin:
    case DsdKind::fabout: {
      bool in = dsd.kind() == DsdKind::fabin;
      cursor.kind = in ? Cursor::fabin : Cursor::fabout;
      cursor.queue = dsd.queue();
      cursor.color = dsd.color();
      cursor.control = dsd.control();
      cursor.index_offset = dsd.index_offset();
      cursor.advance_switch = dsd.advance_switch();
      cursor.simd = dsd.simd();
      const auto& initialized = in ? tile.input_queues : tile.output_queues;
      auto found = initialized.find(dsd.queue());
      if (program_.wse3 && found == initialized.end())
        fault(pe, "uninitialized-queue",
              std::string(in ? "input" : "output") + " queue " + std::to_string(dsd.queue()) +
                  " is used but not initialized: wse3 needs @initialize_queue for every queue", now());
      if (program_.wse3) cursor.color = uint8_t(found->second);
      if (cursor.color >= colors) fault(pe, "bad-id", "color " + std::to_string(cursor.color) + " does not exist", now());
      if (in) {
        cursor.channel = program_.wse3 ? cursor.queue : cursor.color;
        Channel& channel = pe.inputs[cursor.channel];
        if (!program_.wse3 && channel.queue < 0) {
          channel.queue = int8_t(cursor.queue);
          channel.depth = costs_.input_depth[cursor.queue];
        }
      } else if (costs_.output_depth[cursor.queue] == 0) {
        fault(pe, "bad-id", "output queue " + std::to_string(cursor.queue) + " does not exist on this architecture", now());
      }
      break;
    }
    case DsdKind::fifo:
      if (dsd.table() >= tile.fifos.size()) fault(pe, "bad-dsd", "a FIFO DSD names no FIFO", now());
      cursor.kind = Cursor::fifo;
      cursor.table = uint16_t(dsd.table());
      break;
    default:
      fault(pe, "bad-dsd", "an operand is not a DSD: kind " + std::to_string(int(dsd.kind())), now());
  }
  return cursor;
}

// The first operand with a length among the sources, then the destination, decides; without one it is one element.
void Machine::decide_length(Pe& pe, Operation& op) {
  const Cursor* decider = nullptr;
  for (size_t k = 1; k <= size_t(op.sources) + 1 && !decider; k++) {
    const Cursor& cursor = op.cursors[k <= op.sources ? k : 0];
    if (cursor.length > 0) decider = &cursor;
  }
  op.length = decider ? decider->length : 1;
  op.endless = decider && decider->length == unbounded && (decider->kind == Cursor::fabin || decider->kind == Cursor::fabout);
  if (op.endless) {  // another operand may still end it
    for (const Cursor& cursor : op.cursors)
      if (cursor.length > 0 && cursor.length != unbounded) {
        op.length = cursor.length;
        op.endless = false;
      }
  }
  for (const Cursor& cursor : op.cursors)
    if (cursor.length > 0 && cursor.length != op.length && cursor.length != unbounded && cursor.kind != Cursor::circular)
      warn(pe, "extent-mismatch", "operands have extents " + std::to_string(op.length) + " and " + std::to_string(cursor.length) +
                                      ": the first source with an extent decides");
}

// All operands on the fabric have to be in SIMD mode for more than one element a cycle.
uint8_t Machine::lanes_of(const Operation& op) const {
  int lanes = 8;
  for (const Cursor& cursor : op.cursors)
    if (cursor.kind == Cursor::fabin || cursor.kind == Cursor::fabout)
      lanes = std::min(lanes, cursor.simd ? 4 * cursor.simd / std::max<int>(cursor.bytes, 2) : 1);
  return uint8_t(lanes == 8 ? 1 : std::max(lanes, 1));
}

bool Machine::in_memory(const Operation& op) const {
  for (const Cursor& cursor : op.cursors)
    if (cursor.kind == Cursor::fabin || cursor.kind == Cursor::fabout || cursor.kind == Cursor::fifo) return false;
  return true;
}

int Machine::microthread_of(Pe& pe, const Operation& op) const {
  if (op.settings.ut >= 0) return op.settings.ut;
  for (const Cursor& cursor : op.cursors)
    if (cursor.kind == Cursor::fabout || cursor.kind == Cursor::fabin) return cursor.queue;
  for (int i = microthreads - 1; i > 0; i--)
    if (!(pe.running >> i & 1)) return i;
  return 0;
}

bool Machine::issue(Pe& pe, uint8_t code, const MapOp* map, const std::vector<Operand>& operands, const Options& options,
                    const uint64_t* registers, uint64_t& time) {
  Operation op;
  op.code = code;
  op.map = map;
  op.has_output = !map || map->has_output;
  op.sources = uint8_t(operands.size() - op.has_output);
  op.settings = settings_of(options, registers);
  op.span = span_of(pe);
  if (operands.size() > op.cursors.size() - 1)
    fault(pe, "map-arguments", "@map takes up to " + std::to_string(op.cursors.size() - 1) + " arguments", time);
  bool loads = false;
  for (size_t i = 0; i < operands.size(); i++) {
    Operand operand = operands[i];
    size_t slot = op.has_output ? i : i + 1;
    if (map && operand.kind == Operand::pointer && slot > 0) operand.kind = Operand::scalar;  // the address is the argument
    int bytes = map ? scalar_bytes(map->types[i]) : dsd_info(code).bytes(i);
    op.cursors[slot] = cursor_of(pe, operand, bytes, registers, op.settings.index);
    const Cursor& cursor = op.cursors[slot];
    if (cursor.kind == (slot ? Cursor::fabout : Cursor::fabin))
      fault(pe, "dsd-direction", slot ? "a fabout DSD is a source" : "a fabin DSD is the destination", time);
    if (operand.kind == Operand::dsr) merge(op.settings, pe.dsrs[operand.file][operand.value].settings);
    loads |= operand.kind == Operand::dsd;
    op.settings.priority = std::max(op.settings.priority, cursor.priority);
  }
  decide_length(pe, op);
  op.lanes = lanes_of(op);
  const Cursor& dst = op.cursors[0];
  for (size_t k = 1; k <= op.sources && k <= 2; k++)
    op.accumulates |= !map && dst.kind == Cursor::affine && dst.step == 0 && op.cursors[k].kind == Cursor::scalar;

  uint64_t begin;  // of the first element
  if (op.settings.is_async) {
    time += loads ? costs_.async_issue : costs_.async_issue_from_dsr;
    begin = time + costs_.async_start;
    op.started = time;
  } else {
    op.started = time;
    time += loads ? costs_.dsd_setup : costs_.dsr_setup;
    begin = time;
  }
  op.next = begin;
  pe.top_priority = std::max(pe.top_priority, op.settings.priority);
  bool memory = in_memory(op);
  int number = synchronous;
  if (op.settings.is_async) {
    number = microthread_of(pe, op);
    if (number < 0 || number >= microthreads)
      fault(pe, "bad-id", "microthread " + std::to_string(number) + " does not exist", time);
    if (pe.running >> number & 1)
      fault(pe, "microthread-reuse",
            "microthread " + std::to_string(number) + " still runs an earlier operation: wait for its completion", time);
  }
  if (!pe.claims.empty()) check_race(pe, op);
  if (op.settings.is_async) claim_memory(pe, op, number);
  if (memory) {
    int8_t outer = std::exchange(pe.acting, int8_t(number));
    op.next = run_in_memory(pe, op, begin);
    pe.acting = outer;
    op.done = op.length;
    if (!op.settings.is_async) time = op.next;
  }
  if (memory && !op.settings.is_async) {
    finish(pe, op, number, time);
    return false;
  }
  Operation& kept = pe.operations[size_t(number)];
  op.blocked = kept.blocked;
  op.running = true;
  kept = op;
  pe.running |= uint16_t(1 << number);
  for (const Cursor& cursor : kept.cursors)
    if (cursor.kind == Cursor::fabin) pe.inputs[cursor.channel].readers++;
  schedule_.add(kept.next, Schedule::core, pe.index);
  return !op.settings.is_async;
}

bool Machine::operands_ready(Pe& pe, Operation& op, int number) {
  for (size_t k = 0; k <= op.sources; k++) {
    const Cursor& cursor = op.cursors[k];
    if (cursor.kind == Cursor::fabin) {
      if (cursor.is_second(op.done)) continue;
      Channel& channel = pe.inputs[cursor.channel];
      if (channel.ring.empty() || channel.ring.front().ready > now()) return false;
      if (channel.ring.front().control) {
        uint32_t payload = channel.ring.front().data;
        channel.ring.pop();
        schedule_.add(now() + 1, Schedule::router, pe.index);
        schedule_.add(now() + 1, Schedule::core, pe.index);
        if (op.settings.on_control >= 0) {
          activate(pe, IdSpace::local_task, op.settings.on_control, now() + 1);
          complete(pe, number, now() + 1);
        } else if (Commands::task(payload) != no_control_task) {
          activate(pe, IdSpace::control_task, Commands::task(payload), now() + 1);
        }
        return false;
      }
    } else if (cursor.kind == Cursor::fifo) {
      const FifoState& fifo = pe.fifos[cursor.table];
      if (k == 0 ? fifo.count >= pe.tile->fifos[cursor.table].capacity : fifo.count == 0) return false;
    } else if (cursor.kind == Cursor::fabout) {
      if (op.waits_for_second(cursor)) continue;
      const OutQueue& output = pe.outputs[cursor.queue];
      if (output.ring.size >= output.depth) return false;
    }
  }
  return true;
}

bool Machine::attempt(Pe& pe, int number) {
  Operation& op = pe.operations[size_t(number)];
  if (!op.endless && op.done >= op.length) {
    complete(pe, number, op.next);
    return false;
  }
  if (!operands_ready(pe, op, number)) return false;
  uint64_t time = now();
  acting_ = &op.span;
  pe.acting = int8_t(number);
  for (int lane = 0; lane < op.lanes && (op.endless || op.done < op.length); lane++) {
    if (lane > 0 && !operands_ready(pe, op, number)) break;
    element(pe, op, time);
    op.done++;
    pe.stats.elements++;
  }
  pe.acting = -1;
  acting_ = nullptr;
  if (!op.running) return true;  // a control wavelet ended it
  op.next = std::max(time, now() + costs_.fabric_element);
  if (!op.endless && op.done >= op.length) complete(pe, number, op.next + costs_.dsd_finish);
  return true;
}

void Machine::complete(Pe& pe, int number, uint64_t when) {
  Operation& op = pe.operations[size_t(number)];
  op.running = false;
  pe.running &= uint16_t(~(1 << number));
  if (!pe.claims.empty()) release_memory(pe, number);
  for (const Cursor& cursor : op.cursors)
    if (cursor.kind == Cursor::fabin) pe.inputs[cursor.channel].readers--;
  if (number == synchronous) pe.free_at = std::max(pe.free_at, when);
  finish(pe, op, number, when);
}

void Machine::finish(Pe& pe, const Operation& op, int number, uint64_t when) {
  for (const Cursor& cursor : op.cursors) {
    if (cursor.dsr_file < 0 || cursor.kind != Cursor::affine) continue;
    Dsr& dsr = pe.dsrs[size_t(cursor.dsr_file)][size_t(cursor.dsr_number)];
    if (op.settings.save_address || dsr.settings.save_address) dsr.dsd.set(19, 16, cursor.address & 0xffff);
  }
  if (trace_.wants(pe.index))
    trace_.add({op.started, when, pe.index, TraceRecord::operation, 0, 0, int16_t(number), op.code});
  acting_ = &op.span;
  if (op.settings.activate >= 0) activate(pe, IdSpace::local_task, op.settings.activate, when);
  if (op.settings.unblock >= 0) set_blocked(pe, IdSpace(op.settings.unblock_space), op.settings.unblock, false, when);
  acting_ = nullptr;
  schedule_.add(std::max(when, pe.free_at), Schedule::core, pe.index);
}

void Machine::element(Pe& pe, Operation& op, uint64_t& time) {
  if (op.map) {
    std::vector<uint64_t> arguments(op.sources);
    for (size_t k = 0; k < op.sources; k++)
      arguments[k] = extend(op.map->types[k + op.has_output], take(pe, op.cursors[k + 1], op.done));
    uint64_t result = call_element(pe, op.map->function, arguments, time);
    if (op.has_output) put(pe, op, op.cursors[0], result);
    return;
  }
  uint64_t values[3] = {0, 0, 0};
  for (size_t k = 0; k < op.sources; k++) values[k] = take(pe, op.cursors[k + 1], op.done);
  uint32_t random = 0;
  if (op.code == dsd_random16) {
    pe.random = pe.random * 6364136223846793005u + 1442695040888963407u;
    random = uint32_t(pe.random >> 40);
  }
  uint32_t result = dsd_element(op.code, uint32_t(values[0]), uint32_t(values[1]), uint32_t(values[2]), random);
  put(pe, op, op.cursors[0], result);
  if (op.accumulates)
    for (size_t k = 1; k <= op.sources && k <= 2; k++)
      if (op.cursors[k].kind == Cursor::scalar) op.cursors[k].value = result;
}

}  // namespace pyflame::csl
