// Forwarding. A router works in a cycle only if something may move: a wavelet came, room appeared, or a switch moved. Each link
// carries one wavelet a cycle; colors take turns.
#include "machine.h"

namespace pyflame::csl {

void Machine::step_router(uint32_t index) {
  Router& router = routers_[index];
  uint32_t todo = router.pending;
  for (uint32_t rest = router.ramp_queues; rest; rest &= rest - 1)
    todo |= 1u << pes_[index].outputs[size_t(__builtin_ctz(rest))].ring.front().color;
  if (!todo) return;
  uint8_t used = 0;
  uint64_t again = never;
  uint32_t late = todo & ((1u << router.turn) - 1), early = todo & ~late;
  for (uint32_t part : {early, late}) {
    for (; part; part &= part - 1) {
      int color = __builtin_ctz(part);
      if (forward(router, index, color, used, again)) router.turn = uint8_t((color + 1) % colors);
    }
  }
  if (again != never) schedule_.add(again, Schedule::router, index);
}

bool Machine::forward(Router& router, uint32_t index, int color, uint8_t& used, uint64_t& again) {
  constexpr uint8_t ramp_taken = 0x80;
  ColorState* state = router.color[size_t(color)].get();
  bool to_host = program_.d2h_streams >> color & 1;
  int from = to_host ? int(ramp) : state && state->rx() ? __builtin_ctz(state->rx()) : -1;
  if (state && state->torn) return false;
  int queue = -1;
  if (from == ramp || (!state && !to_host)) {
    Pe& pe = pes_[index];
    for (uint32_t rest = router.ramp_queues; rest && queue < 0; rest &= rest - 1)
      if (int q = __builtin_ctz(rest); pe.outputs[size_t(q)].ring.front().color == color) queue = q;
    if (queue < 0) return false;
    if (!state && !to_host)
      fault(pe, "no-route", "a wavelet is sent on color " + std::to_string(color) +
                                ", for which this PE has no route: add @set_color_config for it", now());
  } else if (from < 0 || state->size[size_t(from)] == 0) {
    return false;
  }
  const Wavelet wavelet = queue >= 0 ? pes_[index].outputs[size_t(queue)].ring.front() : state->front(from);
  if (wavelet.ready > now()) {
    again = std::min(again, wavelet.ready);
    return false;
  }
  uint8_t tx = to_host ? 0 : state->tx();
  if ((tx & used) || (queue >= 0 && (used & ramp_taken))) {
    again = now() + 1;
    return false;
  }
  if (!to_host && !can_leave(index, *state, color, wavelet, tx)) return false;

  if (queue >= 0) {
    OutQueue& output = pes_[index].outputs[size_t(queue)];
    if (output.ring.size >= output.depth) schedule_.add(now() + 1, Schedule::core, index);
    output.ring.pop();
    if (output.ring.empty()) router.ramp_queues &= uint8_t(~(1u << queue));
    used |= ramp_taken;
  } else {
    if (state->size[size_t(from)] >= costs_.link_depth) schedule_.add(now() + 1, Schedule::router, router.neighbor[size_t(from)]);
    state->pop(from);
    if (state->idle()) router.pending &= ~(1u << color);
  }
  if (router.pending | router.ramp_queues) again = std::min(again, now() + 1);
  used |= tx;
  if (to_host) {
    auto& host = pes_[index].host_out[size_t(color)];
    if (!host) host = std::make_unique<std::deque<uint32_t>>();
    host->push_back(wavelet.data);
  } else {
    send(router, index, *state, color, wavelet, tx);
  }
  return true;
}

bool Machine::can_leave(uint32_t index, ColorState& state, int color, const Wavelet& wavelet, uint8_t tx) {
  for (uint32_t rest = tx; rest; rest &= rest - 1) {
    int direction = __builtin_ctz(rest);
    if (direction == ramp) {
      if (wavelet.control && Commands::core_ignores(wavelet.data)) continue;
      if (!passes_filter(state, wavelet, false)) continue;
      Pe& pe = pes_[index];
      start(pe);
      int number = pe.channel_of_color[size_t(color)];
      if (number < 0)
        fault_at(pe, "uninitialized-queue",
                 "color " + std::to_string(color) + " arrives at the ramp, but no input queue is bound to it: call "
                 "@initialize_queue", Span(), now());
      Channel& channel = pe.inputs[size_t(number)];
      if (channel.ring.size >= channel.depth) return false;
      continue;
    }
    uint32_t to = routers_[index].neighbor[size_t(direction)];
    if (to == outside)
      fault_at(pes_[index], "route-off-fabric", "color " + std::to_string(color) + " leaves the rectangle to the " +
                                                     direction_name(direction), Span(), now());
    ColorState* next = routers_[to].color[size_t(color)].get();
    bool swapped = next && (direction <= east ? next->route.swap_x : next->route.swap_y);
    int arrives_as = swapped ? color ^ 1 : color;
    if (swapped) next = routers_[to].color[size_t(arrives_as)].get();
    if (!next)
      fault_at(pes_[to], "no-route",
               "a wavelet of color " + std::to_string(arrives_as) + " comes from the " + direction_name(opposite(direction)) +
                   ", but the color has no route here", Span(), now());
    if (next->size[size_t(opposite(direction))] >= costs_.link_depth) return false;
  }
  return true;
}

void Machine::send(Router& router, uint32_t index, ColorState& state, int color, Wavelet wavelet, uint8_t tx) {
  uint32_t original = wavelet.data;
  uint8_t opcode = command_nop;
  if (wavelet.control) {
    opcode = Commands::opcode(original);
    uint8_t mode = state.route.pop;
    bool advances = opcode == command_advance && state.route.advances();
    if (mode == 1 || mode == 3 || (mode == 2 && advances)) wavelet.data = Commands::popped(original);
  }
  for (uint32_t rest = tx; rest; rest &= rest - 1) {
    int direction = __builtin_ctz(rest);
    if (direction == ramp) {
      Wavelet arrives = wavelet;
      arrives.data = original;
      deliver(pes_[index], state, color, arrives);
      continue;
    }
    uint32_t to = routers_[index].neighbor[size_t(direction)];
    Router& other = routers_[to];
    const Route& route = other.color[size_t(color)]->route;
    bool swapped = direction <= east ? route.swap_x : route.swap_y;
    Wavelet arrives = wavelet;
    arrives.color = uint8_t(swapped ? color ^ 1 : color);
    arrives.ready = now() + costs_.hop;
    arrives.advance = false;
    other.color[arrives.color]->push(opposite(direction), arrives);
    other.pending |= 1u << arrives.color;
    schedule_.add(arrives.ready, Schedule::router, to);
    hops_++;
    if (trace_.wants(index))
      trace_.add({now(), arrives.ready, index, TraceRecord::link, uint8_t(direction), uint8_t(color), 0, wavelet.data});
  }
  if (opcode != command_nop) switch_command(index, state, color, opcode);
  if (wavelet.advance) switch_command(index, state, color, command_advance);
}

bool Machine::passes_filter(ColorState& state, const Wavelet& wavelet, bool count) {
  const Filter& filter = state.route.filter;
  if (filter.kind == Filter::none) return true;
  if (filter.kind == Filter::range) {
    int32_t i = int32_t(wavelet.data >> 16);
    return wavelet.control || (i >= filter.min_index && i <= filter.max_index);
  }
  // Counter: it goes from 0 to `limit` again and again; wavelets pass while it is at most `max_counter`.
  bool counted = wavelet.control ? filter.count_control : filter.count_data;
  bool passes = !counted || state.counter <= filter.max_counter;
  if (counted && count) state.counter = state.counter >= filter.limit ? 0 : state.counter + 1;
  return passes;
}

void Machine::deliver(Pe& pe, ColorState& state, int color, const Wavelet& wavelet) {
  if (wavelet.control && Commands::core_ignores(wavelet.data)) return;
  if (!passes_filter(state, wavelet, true)) return;
  Channel& channel = pe.inputs[size_t(pe.channel_of_color[size_t(color)])];
  Wavelet arrives = wavelet;
  arrives.ready = now() + costs_.ramp_in;
  channel.ring.push(arrives);
  pe.stats.peak_input = std::max<uint32_t>(pe.stats.peak_input, channel.ring.size);
  schedule_.add(arrives.ready, Schedule::core, pe.index);
}

}  // namespace pyflame::csl
