// The machine as the host sees it: construction, commands, copies, streams, and running until something has happened.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "deadlock.h"
#include "machine.h"

namespace pyflame::csl {

namespace {
constexpr int between_looks = 256;  // cycles between questions whether to stop
}

const Symbol* TileClass::symbol_at(uint32_t address) const {
  auto after = std::upper_bound(symbols.begin(), symbols.end(), address,
                                [](uint32_t value, const Symbol& symbol) { return value < symbol.address; });
  if (after == symbols.begin()) return nullptr;
  const Symbol& symbol = *std::prev(after);
  return address < symbol.address + symbol.bytes ? &symbol : nullptr;
}

Machine::Machine(Program program, const Costs& costs, const Limits& limits, std::function<bool()> interrupted)
    : program_(std::move(program)),
      costs_(costs),
      limits_(limits),
      interrupted_(std::move(interrupted)),
      pes_(program_.grid.size()),
      routers_(program_.grid.size()),
      schedule_(uint32_t(program_.grid.size())) {
  std::array<uint16_t, op_count> cost_of;
  for (uint16_t op = 0; op < op_count; op++) cost_of[op] = costs_.scalar[size_t(cost_kind(op))];
  for (TileClass& tile : program_.classes)
    for (Instr& instr : tile.code) instr.cost = cost_of[instr.op];

  for (const Program::Place& place : program_.places) {
    auto& state = routers_[place.pe].color[place.color];
    state = std::make_unique<ColorState>();
    state->route = program_.routes[place.route];
    state->switches = switch_fields(state->route);
    state->torn = state->route.teardown;
    state->counter = state->route.filter.initial;
  }
  for (uint32_t i = 0; i < pes_.size(); i++) {
    Pe& pe = pes_[i];
    const int x = int(i) % program_.width, y = int(i) / program_.width;
    auto& neighbor = routers_[i].neighbor;
    if (x > 0) neighbor[west] = i - 1;
    if (x + 1 < program_.width) neighbor[east] = i + 1;
    if (y > 0) neighbor[north] = i - uint32_t(program_.width);
    if (y + 1 < program_.height) neighbor[south] = i + uint32_t(program_.width);
    const TileClass& tile = program_.classes[program_.grid[i]];
    pe.tile = &tile;
    pe.index = i;
    pe.x = uint16_t(x);
    pe.y = uint16_t(y);
    pe.random = 0x2545f4914f6cdd1du * (i + 1);
    pe.fifos.resize(tile.fifos.size());
    pe.inputs.resize(program_.wse3 ? queues : colors);
    pe.channel_of_color.fill(-1);
    for (size_t k = 0; k < pe.inputs.size(); k++) {
      if (program_.wse3) {
        pe.inputs[k].depth = costs_.input_depth[k];
      } else {
        pe.channel_of_color[k] = int8_t(k);
        pe.inputs[k].color = int8_t(k);
      }
    }
    for (auto [queue, color] : tile.input_queues) {
      int number = program_.wse3 ? queue : color;
      pe.channel_of_color[size_t(color)] = int8_t(number);
      Channel& channel = pe.inputs[size_t(number)];
      channel.color = int8_t(color);
      channel.queue = int8_t(queue);
      channel.depth = costs_.input_depth[size_t(queue)];
    }
    for (size_t q = 0; q < queues; q++) pe.outputs[q].depth = costs_.output_depth[q];
    for (size_t t = 0; t < tile.tasks.size(); t++) {
      const bool data = tile.tasks[t].space == IdSpace::data_task;
      size_t number = tile.tasks[t].id;
      if (data && number >= pe.inputs.size())
        throw std::invalid_argument("[csl] class " + tile.name + ": a data task id is out of range");
      if (data) pe.inputs[number].data_task = int8_t(t);
      if (data || is_color_too(tile.tasks[t].space, number)) pe.inputs[number].blocked = false;
    }
    for (auto [space, id] : tile.blocked) set_blocked(pe, space, id, true, 0);
    for (auto [space, id] : tile.active) activate(pe, space, id, 0);
    for (const InitialDsr& initial : tile.initial_dsrs) {
      const Options& o = initial.options;
      auto id = [](uint16_t value) { return value == no_reg ? int16_t(-1) : int16_t(value); };
      Settings settings;
      settings.is_async = o.is_async;
      settings.save_address = o.save_address;
      settings.unblock_space = o.unblock_space;
      settings.activate = id(o.activate);
      settings.unblock = id(o.unblock);
      settings.on_control = id(o.on_control);
      settings.ut = id(o.ut);
      pe.dsrs[initial.file][initial.number] = {Dsd{initial.dsd}, settings, true};
    }
  }
}

std::vector<uint32_t> Machine::members(const Rectangle& area) const {
  if (area.x < 0 || area.y < 0 || area.width < 1 || area.height < 1 || area.x + area.width > program_.width ||
      area.y + area.height > program_.height)
    throw std::invalid_argument("[csl] the rectangle at (" + std::to_string(area.x) + ", " + std::to_string(area.y) + ") of " +
                                std::to_string(area.width) + " x " + std::to_string(area.height) + " PEs is not inside the " +
                                std::to_string(program_.width) + " x " + std::to_string(program_.height) + " program");
  std::vector<uint32_t> result;
  for (int y = area.y; y < area.y + area.height; y++)
    for (int x = area.x; x < area.x + area.width; x++) result.push_back(uint32_t(y * program_.width + x));
  return result;
}

void Machine::launch(const Rectangle& area, const std::vector<int64_t>& functions, const std::vector<uint64_t>& arguments) {
  if (functions.size() != program_.classes.size()) throw std::invalid_argument("[csl] launch needs one function per class");
  std::vector<uint32_t> pes = members(area);
  for (uint32_t i : pes) {
    int64_t function = functions[program_.grid[i]];
    const TileClass& tile = *pes_[i].tile;
    if (function < 0 || size_t(function) >= tile.functions.size() || tile.functions[size_t(function)].params.size() != arguments.size())
      throw std::invalid_argument("[csl] class " + tile.name + " has no function to launch with " + std::to_string(arguments.size()) +
                                  " arguments");
  }
  for (uint32_t i : pes) {
    pes_[i].commands.push_back({uint32_t(functions[program_.grid[i]]), arguments});
    schedule_.add(std::max(now(), pes_[i].free_at), Schedule::core, i);
  }
}

// A task may have run ahead of the calendar: what it does counts from its own time on.
bool Machine::takes_commands(const Pe& pe) const {
  return pe.commands.empty() && !pe.commands_blocked && pe.commands_since <= now();
}

bool Machine::commands_idle(const Rectangle& area) const {
  for (uint32_t i : members(area))
    if (!takes_commands(pes_[i])) return false;
  return true;
}

void Machine::wait_commands(const Rectangle& area) {
  std::vector<uint32_t> pes = members(area);
  size_t first = 0;
  run_until([&] {
    while (first < pes.size() && takes_commands(pes_[pes[first]])) first++;
    return first == pes.size();
  });
}

void Machine::wait_stream(const Rectangle& area, int color, size_t count) {
  std::vector<uint32_t> pes = members(area);
  size_t first = 0;
  run_until([&] {
    for (; first < pes.size(); first++) {
      const auto& host = pes_[pes[first]].host_out[size_t(color)];
      if (count > 0 && (!host || host->size() < count)) return false;
    }
    return true;
  });
}

// What goes on after the last command is none of the host's business for long: it ends after `cycles`.
void Machine::settle(uint64_t cycles) {
  uint64_t end = now() + cycles;
  for (int i = 1; step(end); i++)
    if (i % between_looks == 0 && interrupted_()) throw Interrupted();
}

bool Machine::step(uint64_t end) {
  return schedule_.step(end, [&](uint32_t pe) { step_router(pe); }, [&](uint32_t pe) { step_core(pe); });
}

void Machine::run_until(const std::function<bool()>& done) {
  uint64_t end = now() + limits_.cycles;
  for (int i = 1; !done(); i++) {
    if (i % between_looks == 0 && interrupted_()) throw Interrupted();
    if (step(end)) continue;
    if (!schedule_.empty())
      throw SimulationFault{{{"cycle-limit", "the host has waited " + std::to_string(limits_.cycles) +
                                                 " cycles: a task may loop without end, or raise max_cycles", Span(), -1, -1, now()}}};
    if (done()) return;
    throw SimulationFault{DeadlockReport(*this).entries()};
  }
}

void Machine::check_range(uint32_t pe, uint32_t address, uint64_t bytes) const {
  if (pe >= pes_.size() || address > memory_bytes || bytes > memory_bytes - address)
    throw std::invalid_argument("[csl] " + std::to_string(bytes) + " bytes at address " + std::to_string(address) +
                                " are outside the 49152 bytes of a PE");
}

void Machine::read(uint32_t pe, uint32_t address, uint8_t* to, uint32_t bytes) {
  check_range(pe, address, bytes);
  const uint8_t* from = pes_[pe].memory ? pes_[pe].data() : pes_[pe].tile->memory.data();
  std::memcpy(to, from + address, bytes);
}

bool Machine::uninitialized(uint32_t pe, uint32_t address, uint32_t bytes) {
  check_range(pe, address, bytes);
  start(pes_[pe]);
  for (uint32_t at = address; at < address + bytes; at += 2)
    if (!pes_[pe].written(at)) return true;
  return false;
}

void Machine::write(uint32_t pe, uint32_t address, const uint8_t* from, uint32_t bytes) {
  check_range(pe, address, bytes);
  if (bytes == 0) return;
  start(pes_[pe]);
  std::memcpy(pes_[pe].data() + address, from, bytes);
  pes_[pe].mark(address, bytes);
}

void Machine::push_stream(uint32_t pe, int color, const uint32_t* data, size_t count) {
  auto& host = pes_[pe].host_in[size_t(color)];
  if (!host) host = std::make_unique<std::deque<uint32_t>>();
  host->insert(host->end(), data, data + count);
  pes_[pe].host_in_colors |= 1u << color;
  schedule_.add(now(), Schedule::core, pe);
}

void Machine::pop_stream(uint32_t pe, int color, uint32_t* data, size_t count) {
  auto& host = pes_[pe].host_out[size_t(color)];
  if (count == 0) return;
  std::copy_n(host->begin(), count, data);
  host->erase(host->begin(), host->begin() + std::ptrdiff_t(count));
}

// One wavelet a cycle and color from the host, as long as the queue has room.
void Machine::pump_host(Pe& pe) {
  for (uint32_t rest = pe.host_in_colors; rest; rest &= rest - 1) {
    int color = __builtin_ctz(rest);
    auto& host = *pe.host_in[size_t(color)];
    int number = pe.channel_of_color[size_t(color)];
    if (number < 0)
      fault_at(pe, "uninitialized-queue", "the host streams on color " + std::to_string(color) +
                                              ", but no input queue is bound to it: call @initialize_queue", Span(), now());
    Channel& channel = pe.inputs[size_t(number)];
    if (channel.ring.size >= channel.depth) continue;
    Wavelet wavelet;
    wavelet.data = host.front();
    wavelet.color = uint8_t(color);
    wavelet.ready = now() + costs_.ramp_in;
    host.pop_front();
    channel.ring.push(wavelet);
    schedule_.add(wavelet.ready, Schedule::core, pe.index);
    schedule_.add(now() + 1, Schedule::core, pe.index);
    if (host.empty()) pe.host_in_colors &= ~(1u << color);
  }
}

// A cycle of many PEs can be much work: the question whether to stop is also asked by instructions.
void Machine::look() {
  constexpr uint64_t instructions_between_looks = 20'000'000;
  if (work_ < instructions_between_looks) return;
  work_ = 0;
  if (interrupted_()) throw Interrupted();
}

std::vector<Diagnostic> Machine::leftovers() const { return DeadlockReport(*this).leftovers(); }

uint64_t Machine::memory_in_use() const {
  uint64_t bytes = pes_.size() * (sizeof(Pe) + sizeof(Router));
  for (const Pe& pe : pes_) bytes += (pe.memory ? memory_bytes + memory_bytes / 16 : 0) + pe.inputs.size() * sizeof(Channel);
  for (const Router& router : routers_)
    for (const auto& state : router.color) bytes += state ? sizeof(ColorState) : 0;
  return bytes;
}

Span Machine::span_of(const Pe& pe) const {
  if (acting_) return *acting_;
  if (pe.frames.empty()) return Span();
  const Frame& frame = pe.frames.back();
  const Function& function = pe.tile->functions[frame.function];
  return pe.tile->spans[function.first + std::min(frame.pc, function.size - 1)];
}

std::string Machine::place(uint32_t address, const Pe& pe) const {
  std::string text = "byte address " + std::to_string(int32_t(address));
  if (const Symbol* symbol = pe.tile->symbol_at(address))
    text += " (" + symbol->name + " + " + std::to_string(address - symbol->address) + " bytes)";
  return text;
}

void Machine::fault(const Pe& pe, const char* code, const std::string& message, uint64_t when) const {
  fault_at(pe, code, message, span_of(pe), when);
}

void Machine::fault_at(const Pe& pe, const char* code, const std::string& message, Span span, uint64_t when) const {
  throw SimulationFault{{{code, message, span, pe.x, pe.y, when}}};
}

// Once per place in the source.
void Machine::warn(const Pe& pe, const char* code, const std::string& message) {
  constexpr size_t most = 1000;
  Span span = span_of(pe);
  for (const Diagnostic& known : warnings_)
    if (known.code == code && known.span.file == span.file && known.span.line == span.line && known.span.column == span.column) return;
  if (warnings_.size() < most) warnings_.push_back({code, message, span, pe.x, pe.y, now()});
}

}  // namespace pyflame::csl
