// Switches: what a control wavelet does to a router, and the router's registers.
#include "machine.h"

namespace pyflame::csl {

const char* direction_name(int direction) {
  static const char* const names[] = {"WEST", "EAST", "SOUTH", "NORTH", "RAMP"};
  return names[direction];
}

uint32_t Commands::popped(uint32_t payload) {
  // Bit numbers of opcode and ignore flag of each command.
  static const uint8_t opcodes[8] = {22, 25, 28, 1, 4, 7, 10, 13}, ignores[8] = {24, 27, 0, 3, 6, 9, 12, 15};
  uint32_t result = payload & 0x003f0000u;
  for (int i = 0; i < 7; i++) {
    result |= ((payload >> opcodes[i + 1]) & 3) << opcodes[i];
    result |= ((payload >> ignores[i + 1]) & 1) << ignores[i];
  }
  return result;
}

void Machine::switch_command(uint32_t index, ColorState& state, int color, uint8_t opcode) {
  Route& route = state.route;
  if (opcode == command_advance) {
    if (route.advances()) route.current = uint8_t((route.current + 1) % route.positions);
  } else if (opcode == command_reset) {
    route.current = 0;
  } else if (opcode == command_teardown) {
    state.torn = true;
    pes_[index].teardown_pending |= 1u << color;
    schedule_.add(now(), Schedule::core, index);
  }
  schedule_.add(now() + 1, Schedule::router, index);
}

namespace {

// Registers count directions as ramp N S E W from the highest bit of a mask, and as W E S N CE in switch positions: both are
// the order of `Direction`.
constexpr uint8_t position_invalid = 5;

uint16_t color_register(const ColorState& state) {
  const Route& route = state.route;
  return uint16_t((state.torn << 14) | (route.pop << 12) | (route.swap_x << 11) | (route.swap_y << 10) |
                  (route.rx[0] << 5) | route.tx[0]);
}

uint16_t switch_register(const ColorState& state) {
  return uint16_t((state.route.current << 13) | (state.route.ring << 12) | state.switches);
}

void set_switch_register(ColorState& state, uint16_t word) {
  Route& route = state.route;
  state.switches = word & 0xfff;
  route.ring = (word >> 12) & 1;
  route.positions = 1;
  for (int i = 1; i <= 3; i++) {
    uint16_t field = (word >> (4 * (i - 1))) & 15;
    uint8_t direction = field & 7;
    if (direction >= position_invalid) break;
    bool input = field & 8;
    size_t before = size_t(i) - 1;  // a position changes one side of what the one before it left
    route.rx[before + 1] = input ? uint8_t(1 << direction) : route.rx[before];
    route.tx[before + 1] = input ? route.tx[before] : uint8_t(1 << direction);
    route.positions = uint8_t(i + 1);
  }
  uint8_t current = (word >> 13) & 3;
  route.current = current < route.positions ? current : uint8_t(route.positions - 1);
}

}  // namespace

uint16_t switch_fields(const Route& route) {
  uint16_t fields = 0;
  for (int i = 1; i <= 3; i++) {
    uint16_t field = position_invalid;
    if (i < route.positions) {
      bool input = route.rx[size_t(i)] != route.rx[size_t(i) - 1];
      uint8_t mask = input ? route.rx[size_t(i)] : route.tx[size_t(i)];
      field = uint16_t((input << 3) | (mask ? __builtin_ctz(mask) : position_invalid));
    }
    fields |= uint16_t(field << (4 * (i - 1)));
  }
  return fields;
}

// Byte addresses: a word of configuration per color, then 0x40 bytes on a word of switch positions per color.
static int register_of(bool wse3, uint32_t address, bool& is_switch) {
  uint32_t base = wse3 ? 0xf800 : 0xfe40;
  if (address < base || (address & 1)) return -1;
  uint32_t word = (address - base) / 2;
  is_switch = word >= 32;
  word -= is_switch ? 32 : 0;
  return word < uint32_t(colors) ? int(word) : -1;
}

uint16_t Machine::read_register(Pe& pe, uint32_t address) {
  bool is_switch = false;
  int color = register_of(program_.wse3, address, is_switch);
  if (color < 0) fault(pe, "router-register", "no router register at byte address " + std::to_string(address), now());
  const auto& state = routers_[pe.index].color[size_t(color)];
  if (!state) return is_switch ? 0x0555 : 0;
  return is_switch ? switch_register(*state) : color_register(*state);
}

void Machine::write_register(Pe& pe, uint32_t address, uint16_t value, uint64_t when) {
  bool is_switch = false;
  int color = register_of(program_.wse3, address, is_switch);
  if (color < 0) fault(pe, "router-register", "no router register at byte address " + std::to_string(address), when);
  auto& state = routers_[pe.index].color[size_t(color)];
  if (!state) state = std::make_unique<ColorState>();
  Route& route = state->route;
  if (is_switch) {
    set_switch_register(*state, value);
  } else {
    uint16_t positions = switch_register(*state);
    state->torn = (value >> 14) & 1;
    route.pop = (value >> 12) & 3;
    route.swap_x = (value >> 11) & 1;
    route.swap_y = (value >> 10) & 1;
    route.rx[0] = (value >> 5) & 31;
    route.tx[0] = value & 31;
    set_switch_register(*state, positions);
  }
  schedule_.add(when + 1, Schedule::router, pe.index);
}

void Machine::exit_teardown(Pe& pe, int color, uint64_t when) {
  if (color < 0 || color >= colors) fault(pe, "bad-id", "teardown.exit of color " + std::to_string(color), when);
  if (auto& state = routers_[pe.index].color[size_t(color)]) state->torn = false;
  pe.teardown_pending &= ~(1u << color);
  schedule_.add(when + 1, Schedule::router, pe.index);
}

}  // namespace pyflame::csl
