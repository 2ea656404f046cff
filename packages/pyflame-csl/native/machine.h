#pragma once
// The simulator: cores and routers of a program's rectangle under one calendar. The parts are in vm.cpp (scalar code),
// operation.cpp (DSD operations), race.cpp, task.cpp (which task runs), router.cpp (fabric), host.cpp (memcpy), deadlock.cpp.
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cost.h"
#include "diagnostic.h"
#include "pe.h"
#include "program.h"
#include "router.h"
#include "schedule.h"
#include "trace.h"

namespace pyflame::csl {

struct Limits {
  uint64_t cycles = uint64_t(1) << 40;  // of one wait of the host
  uint64_t seed = 0;                    // 0: the documented order of tasks
};

struct Rectangle {
  int x, y, width, height;
};

class Machine {
 public:
  // `interrupted` is asked from time to time; true ends the run with Interrupted.
  Machine(Program program, const Costs& costs, const Limits& limits, std::function<bool()> interrupted);

  // Host side (host.cpp). Waiting runs the machine; what cannot come any more is a SimulationFault with the deadlock report.
  void launch(const Rectangle& area, const std::vector<int64_t>& functions, const std::vector<uint64_t>& arguments);
  bool commands_idle(const Rectangle& area) const;
  void wait_commands(const Rectangle& area);
  void wait_stream(const Rectangle& area, int color, size_t count);
  void settle(uint64_t cycles);  // until no event is left, or for so many cycles
  void read(uint32_t pe, uint32_t address, uint8_t* to, uint32_t bytes);
  void write(uint32_t pe, uint32_t address, const uint8_t* from, uint32_t bytes);
  void push_stream(uint32_t pe, int color, const uint32_t* data, size_t count);
  void pop_stream(uint32_t pe, int color, uint32_t* data, size_t count);
  void check_range(uint32_t pe, uint32_t address, uint64_t bytes) const;
  bool uninitialized(uint32_t pe, uint32_t address, uint32_t bytes);
  std::vector<Diagnostic> leftovers() const;
  uint64_t memory_in_use() const;

  uint64_t now() const { return schedule_.now(); }
  const Program& program() const { return program_; }
  const std::vector<Pe>& pes() const { return pes_; }
  const std::vector<Router>& routers() const { return routers_; }
  std::vector<Diagnostic>& warnings() { return warnings_; }
  const std::vector<std::pair<uint64_t, std::string>>& log() const { return log_; }
  Trace& trace() { return trace_; }
  uint64_t hops() const { return hops_; }
  const std::array<uint64_t, colors>& wavelets() const { return wavelets_; }

 private:
  friend class DeadlockReport;

  // task.cpp
  void start(Pe& pe);
  void step_core(uint32_t index);
  bool step_operations(Pe& pe);
  bool pick_task(Pe& pe);
  void begin_task(Pe& pe, IdSpace space, int id, uint32_t function, const std::vector<uint64_t>& arguments);
  void run_task(Pe& pe);
  void activate(Pe& pe, IdSpace space, int id, uint64_t when);
  void set_blocked(Pe& pe, IdSpace space, int id, bool blocked, uint64_t when);
  int channel_of(const Pe& pe, IdSpace space, int id) const;
  // On WSE-2 a color and the local task of its number are one id, blocked and unblocked together.
  bool is_color_too(IdSpace space, size_t id) const { return !program_.wse3 && space == IdSpace::local_task && id < colors; }

  // vm.cpp, frame.cpp
  enum class Outcome { finished, waits, paused };
  Outcome run_code(Pe& pe, uint64_t& time, size_t floor, int64_t budget);
  void push_frame(Pe& pe, uint32_t function, uint16_t dst, const uint64_t* arguments, size_t count);
  uint64_t call_element(Pe& pe, uint32_t function, const std::vector<uint64_t>& arguments, uint64_t& time);
  void print(Pe& pe, const std::string& format, uint64_t value, uint64_t when);

  // operation.cpp
  Settings settings_of(const Options& options, const uint64_t* registers) const;
  void load_dsr(Pe& pe, int file, int number, Dsd dsd, const Settings& settings);
  bool issue(Pe& pe, uint8_t code, const MapOp* map, const std::vector<Operand>& operands, const Options& options,
             const uint64_t* registers, uint64_t& time);
  Cursor cursor_of(Pe& pe, const Operand& operand, int bytes, const uint64_t* registers, uint16_t index);
  void decide_length(Pe& pe, Operation& op);
  void check_extent(Pe& pe, const Cursor& cursor, uint32_t count);
  uint8_t lanes_of(const Operation& op) const;
  bool in_memory(const Operation& op) const;
  uint64_t run_in_memory(Pe& pe, Operation& op, uint64_t time);
  uint64_t memory_cost(const Operation& op) const;
  void run_affine(Pe& pe, Operation& op);
  bool attempt(Pe& pe, int number);
  bool operands_ready(Pe& pe, Operation& op, int number);
  uint64_t take(Pe& pe, Cursor& cursor, uint32_t done);
  void check_address(const Pe& pe, uint32_t address, uint32_t bytes) const;
  void put(Pe& pe, Operation& op, Cursor& cursor, uint64_t value);
  void element(Pe& pe, Operation& op, uint64_t& time);
  void complete(Pe& pe, int number, uint64_t when);
  void finish(Pe& pe, const Operation& op, int number, uint64_t when);
  void advance(const Pe& pe, Cursor& cursor) const;
  int microthread_of(Pe& pe, const Operation& op) const;

  // race.cpp
  Claim claim_of(const Pe& pe, const Cursor& cursor, uint32_t count) const;
  bool touches(const Pe& pe, const Claim& claim, int64_t low, int64_t high) const;
  void claim_memory(Pe& pe, const Operation& op, int number);
  void release_memory(Pe& pe, int number);
  void check_race(Pe& pe, uint32_t address, uint32_t bytes, bool writes);
  void check_race(Pe& pe, const Operation& op);
  void report_race(Pe& pe, const Claim& claim, uint32_t address, bool writes);

  // router.cpp
  void step_router(uint32_t index);
  bool forward(Router& router, uint32_t index, int color, uint8_t& used, uint64_t& again);
  bool can_leave(uint32_t index, ColorState& state, int color, const Wavelet& wavelet, uint8_t tx);
  void send(Router& router, uint32_t index, ColorState& state, int color, Wavelet wavelet, uint8_t tx);
  void deliver(Pe& pe, ColorState& state, int color, const Wavelet& wavelet);
  bool passes_filter(ColorState& state, const Wavelet& wavelet, bool count);
  void switch_command(uint32_t index, ColorState& state, int color, uint8_t opcode);
  uint16_t read_register(Pe& pe, uint32_t address);
  void write_register(Pe& pe, uint32_t address, uint16_t value, uint64_t when);
  void exit_teardown(Pe& pe, int color, uint64_t when);

  // host.cpp
  void pump_host(Pe& pe);
  bool takes_commands(const Pe& pe) const;
  bool step(uint64_t end);
  void look();
  void run_until(const std::function<bool()>& done);
  std::vector<uint32_t> members(const Rectangle& area) const;

  // diagnostics
  [[noreturn]] void fault(const Pe& pe, const char* code, const std::string& message, uint64_t when) const;
  [[noreturn]] void fault_at(const Pe& pe, const char* code, const std::string& message, Span span, uint64_t when) const;
  void warn(const Pe& pe, const char* code, const std::string& message);
  Span span_of(const Pe& pe) const;
  std::string place(uint32_t address, const Pe& pe) const;

  Program program_;
  Costs costs_;
  Limits limits_;
  std::function<bool()> interrupted_;
  std::vector<Pe> pes_;
  std::vector<Router> routers_;
  Schedule schedule_;
  std::vector<Diagnostic> warnings_;
  std::vector<std::pair<uint64_t, std::string>> log_;
  Trace trace_;
  const Span* acting_ = nullptr;  // source of the operation that acts, where it is not the main thread
  uint64_t work_ = 0;  // instructions since the last look
  uint64_t hops_ = 0;
  std::array<uint64_t, colors> wavelets_{};
};

}  // namespace pyflame::csl
