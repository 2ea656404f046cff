#include "deadlock.h"

#include <algorithm>
#include <set>

#include "machine.h"

namespace pyflame::csl {

namespace {

constexpr size_t most_entries = 40;

std::string at(const Pe& pe) { return "(" + std::to_string(pe.x) + ", " + std::to_string(pe.y) + ")"; }

const char* operation_name(const Operation& op) { return op.map ? "map" : dsd_info(op.code).name; }

}  // namespace

void DeadlockReport::add(const Pe& pe, const std::string& message, Span span) {
  if (entries_.size() >= most_entries) hidden_++;
  else entries_.push_back({"deadlock", message, span, pe.x, pe.y, machine_.now()});
}

std::string DeadlockReport::list(const std::vector<uint32_t>& pes) const {
  std::string text;
  for (size_t i = 0; i < pes.size() && i < 4; i++) text += (i ? ", " : "") + ("PE " + at(machine_.pes_[pes[i]]));
  return pes.size() > 4 ? text + " and " + std::to_string(pes.size() - 4) + " more" : text;
}

std::vector<uint32_t> DeadlockReport::sources(uint32_t pe, int color) const {
  std::vector<uint32_t> found, todo{pe};
  std::set<uint32_t> seen{pe};
  while (!todo.empty()) {
    uint32_t here = todo.back();
    todo.pop_back();
    const auto& state = machine_.routers_[here].color[size_t(color)];
    if (!state) continue;
    for (int i = 0; i < state->route.positions; i++) {
      for (uint32_t rest = state->route.rx[size_t(i)]; rest; rest &= rest - 1) {
        int direction = __builtin_ctz(rest);
        uint32_t from = direction == ramp ? here : machine_.routers_[here].neighbor[size_t(direction)];
        if (direction == ramp) {
          if (std::find(found.begin(), found.end(), here) == found.end()) found.push_back(here);
        } else if (from < machine_.pes_.size() && seen.insert(from).second) {
          todo.push_back(from);
        }
      }
    }
  }
  return found;
}

std::vector<uint32_t> DeadlockReport::sinks(uint32_t pe, int color) const {
  std::vector<uint32_t> found, todo{pe};
  std::set<uint32_t> seen{pe};
  while (!todo.empty()) {
    uint32_t here = todo.back();
    todo.pop_back();
    const auto& state = machine_.routers_[here].color[size_t(color)];
    if (!state) continue;
    uint32_t tx = 0;
    for (int i = 0; i < state->route.positions; i++) tx |= state->route.tx[size_t(i)];
    for (; tx; tx &= tx - 1) {
      int direction = __builtin_ctz(tx);
      if (direction == ramp) found.push_back(here);
      else if (uint32_t to = machine_.routers_[here].neighbor[size_t(direction)]; to < machine_.pes_.size() && seen.insert(to).second) todo.push_back(to);
    }
  }
  return found;
}

void DeadlockReport::describe_operation(const Pe& pe, int number) {
  const Operation& op = pe.operations[size_t(number)];
  std::string who = number == synchronous ? "the main thread" : "microthread " + std::to_string(number);
  std::string text = who + " has done " + std::to_string(op.done) + " of " + (op.endless ? "unbounded" : std::to_string(op.length)) +
                     " elements of " + operation_name(op);
  if (op.blocked) {
    add(pe, text + " and is blocked", op.span);
    return;
  }
  for (const Cursor& cursor : op.cursors) {
    if (cursor.kind == Cursor::fabin && pe.inputs[cursor.channel].ring.empty()) {
      std::vector<uint32_t> from = sources(pe.index, cursor.color);
      text += ": it waits for color " + std::to_string(cursor.color) + " in input queue " + std::to_string(cursor.queue);
      text += pe.host_in_colors >> cursor.color & 1                  ? " from the host"
              : from.empty() ? ", which no PE can send here" : " from " + list(from);
      auto& edges = waits_for_[pe.index];
      edges.insert(edges.end(), from.begin(), from.end());
    } else if (cursor.kind == Cursor::fabout && pe.outputs[cursor.queue].ring.size >= pe.outputs[cursor.queue].depth) {
      std::vector<uint32_t> to = sinks(pe.index, cursor.color);
      text += ": output queue " + std::to_string(cursor.queue) + " is full, color " + std::to_string(cursor.color) +
              (to.empty() ? " goes nowhere" : " is not taken by " + list(to));
      auto& edges = waits_for_[pe.index];
      edges.insert(edges.end(), to.begin(), to.end());
    } else if (cursor.kind == Cursor::fifo) {
      const FifoState& fifo = pe.fifos[cursor.table];
      text += ", FIFO " + std::to_string(cursor.table) + " holds " + std::to_string(fifo.count) + " of " +
              std::to_string(pe.tile->fifos[cursor.table].capacity);
    }
  }
  add(pe, text, op.span);
}

void DeadlockReport::describe(const Pe& pe) {
  for (int i = 0; i <= synchronous; i++)
    if (pe.running >> i & 1) describe_operation(pe, i);
  for (uint32_t rest = pe.local_active & pe.local_blocked; rest; rest &= rest - 1)
    add(pe, "local task " + std::to_string(__builtin_ctz(rest)) + " is active but blocked: nothing unblocks it", Span());
  for (const Channel& channel : pe.inputs) {
    if (channel.ring.empty() || channel.readers) continue;
    const Wavelet& head = channel.ring.front();
    std::string text = std::to_string(channel.ring.size) + (head.control ? " wavelets, a control wavelet first," : " wavelets") +
                       " of color " + std::to_string(head.color) + " wait in the input queue: ";
    text += channel.blocked                              ? "the queue is blocked"
            : channel.data_task < 0 && !head.control ? "no task or operation takes them"
                                                     : "the task that takes them cannot run";
    add(pe, text, Span());
  }
  if (pe.commands_blocked)
    add(pe, "has not called unblock_cmd_stream(), so the host's next command cannot come", Span());
  const Router& router = machine_.routers_[pe.index];
  for (int color = 0; color < colors; color++) {
    const auto& state = router.color[size_t(color)];
    if (!state) continue;
    for (int direction = 0; direction < 4; direction++) {
      if (state->size[size_t(direction)] == 0) continue;
      std::string text = std::to_string(state->size[size_t(direction)]) + " wavelets of color " + std::to_string(color) + " from the " +
                         direction_name(direction) + " are stuck in the router: ";
      if (state->torn) text += "the color is in teardown";
      else if (!(state->rx() >> direction & 1)) text += "the route does not receive from there";
      else text += "the outputs of the route are full";
      add(pe, text, Span());
    }
  }
}

// Follows one edge after the other until a PE comes again.
std::string DeadlockReport::cycle() const {
  for (const auto& [start, edges] : waits_for_) {
    std::vector<uint32_t> path{start};
    while (path.size() <= waits_for_.size()) {
      auto next = waits_for_.find(path.back());
      if (next == waits_for_.end() || next->second.empty()) break;
      uint32_t to = next->second.front();
      auto again = std::find(path.begin(), path.end(), to);
      if (again != path.end()) {
        std::string text;
        for (; again != path.end(); ++again) text += "PE " + at(machine_.pes_[*again]) + " -> ";
        return text + "PE " + at(machine_.pes_[to]);
      }
      path.push_back(to);
    }
  }
  return "";
}

std::vector<Diagnostic> DeadlockReport::entries() {
  for (const Pe& pe : machine_.pes_) describe(pe);
  std::string text = "no event is left while the host waits";
  std::string ring = cycle();
  if (!ring.empty()) text += "; these wait for each other: " + ring;
  if (entries_.empty()) text += ", and no PE has anything to do: the data the host asks for is never sent";
  if (hidden_) text += "; " + std::to_string(hidden_) + " more entries are not shown";
  std::vector<Diagnostic> all{{"deadlock", text, Span(), -1, -1, machine_.now()}};
  all.insert(all.end(), entries_.begin(), entries_.end());
  return all;
}

std::vector<Diagnostic> DeadlockReport::leftovers() const {
  std::vector<Diagnostic> found;
  auto note = [&](const Pe& pe, size_t count, int color, const std::string& where) {
    if (found.size() < most_entries)
      found.push_back({"leftover-wavelets", std::to_string(count) + " wavelets of color " + std::to_string(color) + " are left " + where,
                       Span(), pe.x, pe.y, machine_.now()});
  };
  for (const Pe& pe : machine_.pes_) {
    for (const Channel& channel : pe.inputs)
      if (!channel.ring.empty()) note(pe, channel.ring.size, channel.ring.front().color, "in an input queue");
    for (const OutQueue& output : pe.outputs)
      if (!output.ring.empty()) note(pe, output.ring.size, output.ring.front().color, "in an output queue");
    for (int color = 0; color < colors; color++) {
      const auto& state = machine_.routers_[pe.index].color[size_t(color)];
      for (int direction = 0; state && direction < 4; direction++)
        if (state->size[size_t(direction)]) note(pe, state->size[size_t(direction)], color, "in the router");
      if (pe.host_out[size_t(color)] && !pe.host_out[size_t(color)]->empty())
        note(pe, pe.host_out[size_t(color)]->size(), color, "for the host");
    }
  }
  return found;
}

}  // namespace pyflame::csl
