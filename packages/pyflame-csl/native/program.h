#pragma once
// A program as the simulator runs it: what ir.py describes, decoded and checked.
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "isa.h"

namespace pyflame::csl {

constexpr uint32_t memory_bytes = 49152;
constexpr int colors = 24;
constexpr int queues = 8;
constexpr int microthreads = 8;
constexpr uint16_t unbounded = 0x7fff;

struct Span {
  int32_t file = 0, line = 0, column = 0;
};

enum class IdSpace : uint8_t { local_task, data_task, control_task, color, input_queue, ut };

struct Operand {
  enum Kind : uint8_t { dsd, dsr, scalar, pointer };
  uint8_t kind = scalar, file = 0;
  uint16_t value = 0;
};

struct Options {
  bool is_async = false, save_address = false, single_step = false;
  uint8_t unblock_space = 0;
  uint8_t priority = 0;
  uint16_t activate = no_reg, unblock = no_reg, on_control = no_reg, ut = no_reg, index = no_reg;
};

struct DsdOp {
  uint8_t code = 0;
  std::vector<Operand> operands;
  Options options;
};

struct MapOp {
  uint32_t function = 0;
  std::vector<Operand> operands;  // the output, if there is one, then the inputs
  std::vector<uint8_t> types;     // scalar types of `operands`
  bool has_output = false;
  Options options;
};

struct DsrLoad {
  uint8_t file = 0, number = 0;
  uint16_t reg = 0;
  Options options;
};

struct Function {
  std::string name;
  uint32_t registers = 0;
  std::vector<uint8_t> params;
  bool has_result = false;
  uint32_t first = 0, size = 0;  // in TileClass::code
};

struct Task {
  IdSpace space;
  uint16_t id;
  uint32_t function;
};

struct Fifo {
  uint32_t address = 0, capacity = 0;
  uint8_t size = 2;
  int activate_push = -1, activate_pop = -1;
};

struct Descriptor {
  int rank = 0;
  std::array<uint32_t, 4> extents{};
  std::array<int32_t, 4> strides{};
  uint32_t wraparound = 0;
};

struct InitialDsr {
  uint8_t file, number;
  uint64_t dsd;
  Options options;
};

struct Symbol {
  uint32_t address, bytes;
  bool initialized;
  std::string name;
};

struct TileClass {
  std::string name;
  std::vector<uint8_t> memory;  // padded to memory_bytes
  std::vector<Symbol> symbols;  // by address
  std::vector<Instr> code;
  std::vector<Span> spans;
  std::vector<uint64_t> constants;
  std::vector<Function> functions;
  std::vector<Task> tasks;
  std::vector<DsdOp> dsd_ops;
  std::vector<MapOp> maps;
  std::vector<DsrLoad> dsr_loads;
  std::vector<Descriptor> descriptors;
  std::vector<Fifo> fifos;
  std::vector<std::string> strings;
  std::vector<InitialDsr> initial_dsrs;
  std::map<int, int> input_queues, output_queues, teardown_handlers;
  std::vector<std::pair<IdSpace, int>> active, blocked;

  // The symbol whose range holds `address`, or null.
  const Symbol* symbol_at(uint32_t address) const;
};

struct Filter {
  enum Kind : uint8_t { none, range, counter } kind = none;
  int32_t min_index = 0, max_index = 0xffff;
  int32_t limit = 0, max_counter = 0, initial = 0;
  bool count_data = true, count_control = false;
};

struct Route {
  uint8_t positions = 1, current = 0, pop = 0;
  bool ring = false, teardown = false, swap_x = false, swap_y = false;
  std::array<uint8_t, 4> rx{}, tx{};
  Filter filter;

  // Whether an advance changes the position: without ring mode the last one stays.
  bool advances() const { return positions > 1 && (ring || current + 1 < positions); }
};

struct Program {
  bool wse3 = true;
  int width = 0, height = 0;
  std::vector<TileClass> classes;
  std::vector<uint32_t> grid;  // class of PE y * width + x
  std::vector<Route> routes;
  struct Place {
    uint32_t pe;
    uint8_t color;
    uint32_t route;
  };
  std::vector<Place> places;
  std::vector<std::string> files;
  uint32_t h2d_streams = 0, d2h_streams = 0;  // masks of colors
};

// Throws std::invalid_argument naming the class, function and instruction that cannot run.
void verify(const Program& program);

}  // namespace pyflame::csl
