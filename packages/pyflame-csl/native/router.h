#pragma once
// The state of one router.
#include <array>
#include <cstdint>
#include <memory>

#include "program.h"
#include "ring.h"

namespace pyflame::csl {

// Directions as bit numbers of the masks.
enum Direction : int { west, east, south, north, ramp };
inline int opposite(int direction) { return direction ^ 1; }
const char* direction_name(int direction);

constexpr int link_capacity = 4;
constexpr uint32_t outside = ~uint32_t(0);

// What a hop touches comes first, so that it lies in few cache lines.
struct alignas(64) ColorState {
  bool torn = false;  // in teardown: nothing passes
  std::array<uint8_t, 4> first{}, size{};  // of the rings below
  int32_t counter = 0;
  Route route;
  uint16_t switches = 0x0555;  // low 12 bits of the switch register, which keeps what was written
  alignas(64) Wavelet in[4][link_capacity];  // what came over each link

  bool idle() const { return (size[0] | size[1] | size[2] | size[3]) == 0; }
  const Wavelet& front(int link) const { return in[link][first[size_t(link)]]; }
  void pop(int link) {
    first[size_t(link)] = (first[size_t(link)] + 1) & (link_capacity - 1);
    size[size_t(link)]--;
  }
  void push(int link, const Wavelet& wavelet) {
    in[link][(first[size_t(link)] + size[size_t(link)]++) & (link_capacity - 1)] = wavelet;
  }
  uint8_t rx() const { return route.rx[route.current]; }
  uint8_t tx() const { return route.tx[route.current]; }
};

// The switch register's fields for the positions of a route.
uint16_t switch_fields(const Route& route);

struct Router {
  uint32_t pending = 0;     // colors with wavelets that came over links
  uint8_t ramp_queues = 0;  // output queues of the core with wavelets
  uint8_t turn = 0;         // the color that comes first
  std::array<uint32_t, 4> neighbor{outside, outside, outside, outside};
  std::array<std::unique_ptr<ColorState>, colors> color;
};

// The eight commands of a control wavelet.
struct Commands {
  static uint8_t opcode(uint32_t payload) { return (payload >> 22) & 3; }
  static bool core_ignores(uint32_t payload) { return (payload >> 24) & 1; }
  static uint8_t task(uint32_t payload) { return (payload >> 16) & 63; }
  // The payload without its first command.
  static uint32_t popped(uint32_t payload);
};

enum Opcode : uint8_t { command_nop, command_advance, command_reset, command_teardown };
constexpr uint8_t no_control_task = 31;

}  // namespace pyflame::csl
