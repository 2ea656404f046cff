#pragma once
// The state of one processing element: memory, frames of the running task, microthreads, queues, task flags.
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "dsd.h"
#include "program.h"
#include "ring.h"

namespace pyflame::csl {

constexpr uint64_t never = ~uint64_t(0);

// Options with the values of the registers in place of register numbers.
struct Settings {
  bool is_async = false, save_address = false;
  uint8_t unblock_space = 0, priority = 0;
  int16_t activate = -1, unblock = -1, on_control = -1, ut = -1;
  uint16_t index = 0;
};

struct Dsr {
  Dsd dsd;
  Settings settings;
  bool loaded = false;
};

// Where an operand's next element is.
struct Cursor {
  enum Kind : uint8_t { scalar, affine, nested, circular, fabin, fabout, fifo, pointer };
  Kind kind = scalar;
  uint8_t bytes = 2;                                // of one element
  uint8_t channel = 0, queue = 0, color = 0, priority = 0, simd = 0;  // fabric
  bool control = false, index_offset = false, advance_switch = false;
  int8_t dsr_file = -1, dsr_number = -1;
  uint32_t address = 0;                             // of the next element
  int32_t step = 0;                                 // affine, in bytes
  uint32_t base = 0, wrap = 0;                      // circular: [base, base + wrap)
  uint16_t table = 0;
  uint32_t length = 0;                              // 0: none of its own
  uint64_t value = 0;                               // scalar, or of a wavelet with two elements the half that waits
  std::array<uint32_t, 4> counts{};

  // A wavelet carries two elements. The second comes with the first, and the first leaves with the second.
  bool packs() const { return simd > 0 && bytes == 2; }
  bool is_second(uint32_t done) const { return packs() && (done & 1); }
};

// A DSD operation or map under way.
struct Operation {
  bool running = false, blocked = false;  // blocked by @block of its microthread
  uint8_t code = 0, sources = 0;
  bool has_output = true;
  const MapOp* map = nullptr;
  std::array<Cursor, 6> cursors;  // the destination, then the sources
  Settings settings;
  uint32_t length = 0, done = 0;
  bool endless = false, accumulates = false;
  uint8_t lanes = 1;  // elements a cycle
  uint64_t next = 0;  // cycle of the next attempt
  uint64_t started = 0;
  Span span;

  // Whether the next element for `cursor` stays until the one after it fills the wavelet.
  bool waits_for_second(const Cursor& cursor) const {
    return cursor.packs() && !(done & 1) && (endless || done + 1 < length);
  }
};

// Memory that one operand of an unfinished asynchronous operation uses.
struct Claim {
  Cursor cursor;  // at its first element
  uint32_t count = 0;
  int64_t low = 0, high = 0;  // bytes [low, high) hold all elements
  bool writes = false;
  int8_t number = -1;  // of the microthread
};

struct FifoState {
  uint32_t head = 0, count = 0;
};

struct Frame {
  uint32_t function, pc, base;
  uint16_t dst;
};

struct Channel {
  QueueRing ring;
  uint8_t depth = 4;
  int8_t color = -1, queue = -1;
  uint8_t readers = 0;  // operations that consume it
  bool blocked = true, initialized = false;
  int8_t data_task = -1;  // index into the class's tasks
};

struct OutQueue {
  QueueRing ring;
  uint8_t depth = 2;
  bool initialized = false;
};

struct Command {
  uint32_t function;
  std::vector<uint64_t> arguments;
};

struct PeStats {
  uint64_t busy = 0, tasks = 0, instructions = 0, elements = 0;
  uint32_t peak_input = 0;
};

constexpr int synchronous = microthreads;  // index of the operation of the main thread

struct Pe {
  const TileClass* tile = nullptr;
  uint16_t x = 0, y = 0;
  uint32_t index = 0;

  // Allocated at first use: idle PEs share the image of their class.
  std::unique_ptr<uint8_t[]> memory;
  std::unique_ptr<uint64_t[]> shadow;  // one bit per 16-bit word: holds a value

  // Main thread.
  uint64_t free_at = 0;
  std::vector<uint64_t> registers;
  std::vector<Frame> frames;
  uint64_t result = 0;  // of the outermost function that returned last
  int task_id = -1;
  IdSpace task_space = IdSpace::local_task;
  uint64_t task_started = 0;
  std::array<Operation, microthreads + 1> operations;
  uint16_t running = 0;  // mask of `operations`
  uint8_t next_microthread = 0;
  uint8_t top_priority = 0;  // of any operation so far
  std::vector<Claim> claims;
  int8_t acting = -1;  // the operation that acts: the function of its @map may use its operands

  std::array<std::array<Dsr, 16>, 3> dsrs;
  std::vector<FifoState> fifos;

  // Tasks.
  int next_task = 0;  // the key after that of the task that ran last
  uint32_t local_active = 0, local_blocked = 0, teardown_pending = 0, teardown_running = 0;
  uint64_t control_active = 0, control_blocked = 0;

  std::vector<Channel> inputs;  // by color on WSE-2, by queue on WSE-3
  std::array<int8_t, colors> channel_of_color;
  std::array<OutQueue, queues> outputs;

  // Host.
  std::deque<Command> commands;
  bool commands_blocked = false;
  uint64_t commands_since = 0;  // cycle of the last unblock_cmd_stream
  std::array<std::unique_ptr<std::deque<uint32_t>>, colors> host_in, host_out;
  uint32_t host_in_colors = 0;

  bool tsc_on = true;
  uint64_t tsc_origin = 0, tsc_stopped = 0;
  uint64_t random = 0;
  std::string line;
  PeStats stats;

  uint8_t* data() { return memory.get(); }
  bool written(uint32_t address) const { return shadow[address >> 7] >> ((address >> 1) & 63) & 1; }
  void mark(uint32_t address, uint32_t bytes) {
    for (uint32_t word = address >> 1; word <= (address + bytes - 1) >> 1; word++)
      shadow[word >> 6] |= uint64_t(1) << (word & 63);
  }
  void unmark(uint32_t address, uint32_t bytes) {
    for (uint32_t word = address >> 1; word <= (address + bytes - 1) >> 1; word++)
      shadow[word >> 6] &= ~(uint64_t(1) << (word & 63));
  }
};

}  // namespace pyflame::csl
