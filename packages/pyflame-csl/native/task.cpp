// Which task runs when: a core's turn lets one microthread advance by an element, then the main thread take a task.
#include <algorithm>

#include "machine.h"
#include "scalar.h"

namespace pyflame::csl {

namespace {

constexpr int memcpy_task = 28, teardown_task = 29;
constexpr int keys = 64 * 4;  // an id and the kind of the task
constexpr int64_t slice = 200000;  // instructions of a task between looks at the calendar

uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// One argument is the payload, cut to its type; of two the first is the low half, the second the high half.
std::vector<uint64_t> arguments_of(const Function& function, uint32_t payload) {
  std::vector<uint64_t> arguments;
  for (size_t i = 0; i < function.params.size(); i++)
    arguments.push_back(extend(function.params[i], i == 0 ? payload : payload >> 16));
  return arguments;
}

}  // namespace

// The first thing that happens to a PE gives it memory of its own.
void Machine::start(Pe& pe) {
  if (pe.memory) return;
  const TileClass& tile = *pe.tile;
  pe.memory = std::make_unique<uint8_t[]>(memory_bytes);
  std::copy(tile.memory.begin(), tile.memory.end(), pe.memory.get());
  pe.shadow = std::make_unique<uint64_t[]>(memory_bytes / 128);
  std::fill_n(pe.shadow.get(), memory_bytes / 128, ~uint64_t(0));
  for (const Symbol& symbol : tile.symbols)
    if (!symbol.initialized && symbol.bytes) pe.unmark(symbol.address, symbol.bytes);
}

int Machine::channel_of(const Pe& pe, IdSpace space, int id) const {
  if (space == IdSpace::color || (space == IdSpace::data_task && !program_.wse3))
    return id < colors ? pe.channel_of_color[size_t(id)] : -1;
  if (space == IdSpace::data_task) return id < queues ? id : -1;
  if (space != IdSpace::input_queue || id >= queues) return -1;
  if (program_.wse3) return id;
  auto found = pe.tile->input_queues.find(id);
  return found == pe.tile->input_queues.end() ? -1 : found->second;
}

void Machine::activate(Pe& pe, IdSpace space, int id, uint64_t when) {
  bool bound = false;
  for (const Task& task : pe.tile->tasks) bound |= task.space == space && task.id == id;
  if (!bound || id < 0)
    fault(pe, "unbound-task", "task id " + std::to_string(id) + " is activated, but no task is bound to it", when);
  if (space == IdSpace::control_task) pe.control_active |= uint64_t(1) << id;
  else pe.local_active |= 1u << id;
  schedule_.add(std::max(when, pe.free_at), Schedule::core, pe.index);
}

void Machine::set_blocked(Pe& pe, IdSpace space, int id, bool blocked, uint64_t when) {
  auto set = [blocked](auto& mask, auto bit) { mask = blocked ? mask | bit : mask & ~bit; };
  if (space == IdSpace::local_task && id >= 0 && id < 32) {
    set(pe.local_blocked, 1u << id);
    if (is_color_too(space, size_t(id))) pe.inputs[size_t(id)].blocked = blocked;
  } else if (space == IdSpace::control_task && id >= 0 && id < 64) {
    set(pe.control_blocked, uint64_t(1) << id);
  } else if (space == IdSpace::ut && id >= 0 && id < microthreads) {
    pe.operations[size_t(id)].blocked = blocked;
  } else if (int channel = id < 0 ? -1 : channel_of(pe, space, id); channel >= 0) {
    pe.inputs[size_t(channel)].blocked = blocked;
    if (!program_.wse3) set(pe.local_blocked, 1u << channel);
  } else {
    fault(pe, "bad-id", "cannot block or unblock id " + std::to_string(id), when);
  }
  schedule_.add(std::max(when, pe.free_at), Schedule::core, pe.index);
}

void Machine::step_core(uint32_t index) {
  Pe& pe = pes_[index];
  start(pe);
  if (pe.host_in_colors) pump_host(pe);
  step_operations(pe);
  if (pe.free_at > now() || pe.operations[synchronous].running) return;
  if (!pe.frames.empty() || pick_task(pe)) run_task(pe);
}

// Microthreads share the datapath: one element a cycle, of the highest priority that can go on, in turn among equals.
bool Machine::step_operations(Pe& pe) {
  if (!pe.running) return false;
  constexpr int count = microthreads + 1;
  bool stepped = false;
  uint64_t again = never;
  const int first = pe.next_microthread;
  for (int level = pe.top_priority; level >= 0; level--) {
    for (int k = 0; k < count; k++) {
      int number = (first + k) % count;
      if (!(pe.running >> number & 1)) continue;
      Operation& op = pe.operations[size_t(number)];
      if (op.blocked || op.settings.priority != level) continue;
      if (op.next > now()) {
        again = std::min(again, op.next);
      } else if (stepped) {
        again = std::min(again, now() + 1);
      } else if (attempt(pe, number)) {
        stepped = true;
        pe.next_microthread = uint8_t((number + 1) % count);
        if (op.running) again = std::min(again, op.next);
      }
    }
  }
  if (again != never) schedule_.add(again, Schedule::core, pe.index);
  return stepped;
}

bool Machine::pick_task(Pe& pe) {
  struct Candidate {
    int key;
    IdSpace space;
    int id, channel;  // channel -1: not from a queue
  };
  Candidate candidates[96];
  int count = 0;
  auto offer = [&](int key, IdSpace space, int id, int channel) {
    if (count < 96) candidates[count++] = {key, space, id, channel};
  };
  for (uint32_t rest = pe.local_active & ~pe.local_blocked; rest; rest &= rest - 1) {
    int id = __builtin_ctz(rest);
    offer(id * 4 + 2, IdSpace::local_task, id, -1);
  }
  for (uint64_t rest = pe.control_active & ~pe.control_blocked; rest; rest &= rest - 1) {
    int id = __builtin_ctzll(rest);
    offer(id * 4 + 1, IdSpace::control_task, id, -1);
  }
  for (size_t i = 0; i < pe.inputs.size(); i++) {
    Channel& channel = pe.inputs[i];
    if (channel.ring.empty() || channel.blocked || channel.readers) continue;
    const Wavelet& head = channel.ring.front();
    if (head.ready > now()) continue;
    if (head.control) {
      int id = Commands::task(head.data);
      if (!(pe.control_blocked >> id & 1)) offer(id * 4 + 1, IdSpace::control_task, id, int(i));
    } else if (channel.data_task >= 0) {
      offer(int(i) * 4, IdSpace::data_task, int(i), int(i));
    }
  }
  if (pe.teardown_pending & ~pe.teardown_running)
    for (auto [color, function] : pe.tile->teardown_handlers)
      if (pe.teardown_pending >> color & 1) offer(teardown_task * 4 + 3, IdSpace::color, color, -1);
  if (!pe.commands.empty() && !pe.commands_blocked) offer(memcpy_task * 4 + 3, IdSpace::input_queue, memcpy_task, -1);
  if (count == 0) return false;

  // In turn: with a fixed order a task that activates itself while it waits would keep what it waits for from running.
  int best = 0;
  if (limits_.seed) {
    best = int(mix(limits_.seed ^ mix(pe.index * 0x10001u + now())) % uint64_t(count));
  } else {
    auto distance = [&](int i) { return (candidates[i].key - pe.next_task + keys) % keys; };
    for (int i = 1; i < count; i++)
      if (distance(i) < distance(best)) best = i;
  }
  const Candidate chosen = candidates[best];
  pe.next_task = chosen.key + 1;
  const TileClass& tile = *pe.tile;
  if (chosen.space == IdSpace::input_queue) {
    Command command = std::move(pe.commands.front());
    pe.commands.pop_front();
    pe.commands_blocked = true;
    begin_task(pe, chosen.space, chosen.id, command.function, command.arguments);
    return true;
  }
  if (chosen.space == IdSpace::color) {
    pe.teardown_pending &= ~(1u << chosen.id);
    uint32_t function = uint32_t(tile.teardown_handlers.at(chosen.id));
    begin_task(pe, chosen.space, chosen.id, function, std::vector<uint64_t>(tile.functions[function].params.size()));
    return true;
  }
  uint32_t payload = 0;
  if (chosen.channel >= 0) {
    Channel& channel = pe.inputs[size_t(chosen.channel)];
    payload = channel.ring.front().data;
    channel.ring.pop();
    schedule_.add(now() + 1, Schedule::router, pe.index);
    if (chosen.space == IdSpace::control_task && chosen.id == no_control_task) {
      schedule_.add(now() + 1, Schedule::core, pe.index);
      return false;
    }
  } else if (chosen.space == IdSpace::local_task) {
    pe.local_active &= ~(1u << chosen.id);
  } else {
    pe.control_active &= ~(uint64_t(1) << chosen.id);
  }
  int id = chosen.space == IdSpace::data_task ? tile.tasks[size_t(pe.inputs[size_t(chosen.channel)].data_task)].id : chosen.id;
  for (const Task& task : tile.tasks) {
    if (task.space != chosen.space || task.id != id) continue;
    begin_task(pe, chosen.space, id, task.function, arguments_of(tile.functions[task.function], payload));
    return true;
  }
  fault(pe, "unbound-task", "a control wavelet names control task " + std::to_string(id) + ", to which no task is bound", now());
}

void Machine::begin_task(Pe& pe, IdSpace space, int id, uint32_t function, const std::vector<uint64_t>& arguments) {
  pe.task_space = space;
  pe.task_id = id;
  pe.task_started = now();
  pe.free_at = now() + costs_.task_start;
  pe.stats.tasks++;
  push_frame(pe, function, 0, arguments.data(), arguments.size());
}

void Machine::run_task(Pe& pe) {
  uint64_t begin = std::max(now(), pe.free_at), time = begin;
  Outcome outcome = run_code(pe, time, 0, slice);
  look();
  pe.stats.busy += time - begin;
  pe.free_at = std::max(time, now() + 1);
  if (outcome == Outcome::finished && trace_.wants(pe.index))
    trace_.add({pe.task_started, pe.free_at, pe.index, TraceRecord::task, uint8_t(pe.task_space), 0, int16_t(pe.task_id), 0});
  if (outcome != Outcome::waits) schedule_.add(pe.free_at, Schedule::core, pe.index);
}

}  // namespace pyflame::csl
