// A program is refused before it runs if an instruction names a register, function or table row that does not exist, so that
// the inner loops need no such checks.
#include <stdexcept>
#include <string>

#include "dsd.h"
#include "program.h"

namespace pyflame::csl {

namespace {

class Verifier {
 public:
  explicit Verifier(const Program& program) : program_(program) {}

  void run() {
    require(program_.width > 0 && program_.height > 0, "the rectangle is empty");
    require(program_.grid.size() == size_t(program_.width) * program_.height, "the grid does not fill the rectangle");
    for (uint32_t number : program_.grid) require(number < program_.classes.size(), "the grid names an unknown class");
    for (const Program::Place& place : program_.places) {
      require(place.pe < program_.grid.size() && place.color < colors && place.route < program_.routes.size(),
              "a route of an unknown PE or color");
    }
    for (const Route& route : program_.routes) {
      require(route.positions >= 1 && route.positions <= 4 && route.current < route.positions && route.pop <= 3,
              "a route has 1 to 4 positions, one of them current");
    }
    for (const TileClass& tile : program_.classes) check_class(tile);
  }

 private:
  const Program& program_;
  const TileClass* tile_ = nullptr;
  std::string where_ = "program";

  void require(bool condition, const std::string& what) const {
    if (!condition) throw std::invalid_argument("[csl] " + where_ + ": " + what);
  }

  void check_class(const TileClass& tile) {
    tile_ = &tile;
    where_ = "class " + tile.name;
    require(tile.memory.size() == memory_bytes, "the memory image is larger than 49152 bytes");
    require(tile.spans.size() == tile.code.size(), "each instruction needs a span");
    for (const Symbol& symbol : tile.symbols)
      require(symbol.address <= memory_bytes && symbol.bytes <= memory_bytes - symbol.address,
              "symbol " + symbol.name + " lies outside memory");
    for (const Fifo& fifo : tile.fifos) {
      require(fifo.size == 1 || fifo.size == 2 || fifo.size == 4 || fifo.size == 8, "a FIFO element has 1, 2, 4 or 8 bytes");
      require(fifo.capacity > 0 && fifo.address <= memory_bytes &&
                  fifo.capacity <= (memory_bytes - fifo.address) / fifo.size && fifo.address % fifo.size % 4 == 0,
              "a FIFO lies outside memory");
      require(fifo.activate_push < 32 && fifo.activate_pop < 32, "a FIFO activates an unknown task");
    }
    for (const Descriptor& descriptor : tile.descriptors) require(descriptor.rank <= 4, "a descriptor has up to 4 extents");
    for (const Task& task : tile.tasks) {
      require(task.function < tile.functions.size(), "a task of an unknown function");
      require(task.id < (task.space == IdSpace::control_task ? 64 : 32), "a task id is out of range");
      require(tile.functions[task.function].params.size() <= 2, "a task takes up to 2 arguments");
    }
    for (auto [color, function] : tile.teardown_handlers)
      require(color >= 0 && color < colors && function >= 0 && size_t(function) < tile.functions.size(),
              "a teardown handler is unknown");
    for (auto [queue, color] : tile.input_queues) check_queue(queue, color);
    for (auto [queue, color] : tile.output_queues) check_queue(queue, color);
    for (auto [space, id] : tile.active) require(id >= 0 && id < 64, "an active id is out of range");
    for (auto [space, id] : tile.blocked) require(id >= 0 && id < 64, "a blocked id is out of range");
    for (const InitialDsr& dsr : tile.initial_dsrs) check_dsr(dsr.file, dsr.number);
    for (const Function& function : tile.functions) check_function(function);
  }

  void check_queue(int queue, int color) const {
    require(queue >= 0 && queue < queues && color >= 0 && color < colors, "a queue or its color is out of range");
  }

  void check_dsr(int file, int number) const {
    require(file < 3 && number < 16, "a data structure register is out of range");
  }

  void check_function(const Function& function) {
    where_ = "class " + tile_->name + ", function " + function.name;
    require(function.registers < no_reg && function.params.size() <= function.registers, "too many registers");
    require(function.size > 0 && size_t(function.first) + function.size <= tile_->code.size(), "the function has no code");
    uint16_t last = tile_->code[function.first + function.size - 1].op;
    require(last == op_ret || last == op_jump || last == op_trap, "the code does not end in ret, jump or trap");
    for (uint32_t i = 0; i < function.size; i++) {
      const Instr& instr = tile_->code[function.first + i];
      std::string outer = where_;
      where_ += ", instruction " + std::to_string(i) + " (" + op_name(instr.op) + ")";
      check_instr(function, instr);
      where_ = outer;
    }
  }

  void check_reg(const Function& function, uint16_t reg) const {
    require(reg < function.registers, "register " + std::to_string(reg) + " of " + std::to_string(function.registers));
  }

  void check_options(const Function& function, const Options& options) const {
    for (uint16_t reg : {options.activate, options.unblock, options.on_control, options.ut, options.index})
      if (reg != no_reg) check_reg(function, reg);
    require(options.unblock_space <= uint8_t(IdSpace::ut), "an unknown id space");
  }

  void check_operand(const Function& function, const Operand& operand) const {
    require(operand.kind <= Operand::pointer, "an unknown operand kind");
    if (operand.kind == Operand::dsr) check_dsr(operand.file, operand.value);
    else check_reg(function, operand.value);
  }

  template <typename Table>
  const auto& row(const Table& table, int64_t index) const {
    require(index >= 0 && size_t(index) < table.size(), "no such table row");
    return table[size_t(index)];
  }

  void check_instr(const Function& function, const Instr& instr) const {
    require(instr.op < op_count, "an unknown instruction");
    bool memory = (instr.op >= op_load_bool && instr.op <= op_store_f32);
    switch (instr.op) {
      case op_jump:
        return require(instr.imm >= 0 && uint32_t(instr.imm) < function.size, "a jump out of the function");
      case op_branch:
      case op_branch_not:
        check_reg(function, instr.a);
        return require(instr.imm >= 0 && uint32_t(instr.imm) < function.size, "a jump out of the function");
      case op_ret:
        if (instr.a != no_reg) check_reg(function, instr.a);
        return;
      case op_call: {
        const Function& callee = row(tile_->functions, instr.imm);
        check_reg(function, instr.dst);
        return require(instr.a + callee.params.size() <= function.registers, "the arguments are not all registers");
      }
      case op_dsd: {
        const DsdOp& op = row(tile_->dsd_ops, instr.imm);
        const DsdInfo& info = dsd_info(op.code);
        require(op.operands.size() == size_t(info.sources) + 1, std::string(info.name) + " has a wrong number of operands");
        require(op.operands[0].kind != Operand::scalar, "the destination is a scalar value");
        for (const Operand& operand : op.operands) check_operand(function, operand);
        return check_options(function, op.options);
      }
      case op_map: {
        const MapOp& op = row(tile_->maps, instr.imm);
        const Function& callee = row(tile_->functions, op.function);
        require(op.operands.size() == callee.params.size() + op.has_output, "the function takes other arguments");
        require(!op.has_output || callee.has_result, "the function has no result");
        for (const Operand& operand : op.operands) check_operand(function, operand);
        for (uint8_t type : op.types) require(type < s_count, "an unknown scalar type");
        require(op.types.size() == op.operands.size(), "an operand without a type");
        return check_options(function, op.options);
      }
      case op_load_dsr: {
        const DsrLoad& load = row(tile_->dsr_loads, instr.imm);
        check_dsr(load.file, load.number);
        check_reg(function, load.reg);
        return check_options(function, load.options);
      }
      case op_trap:
        row(tile_->strings, instr.imm);
        return;
      case op_assert:
      case op_print:
        row(tile_->strings, instr.imm);
        return check_reg(function, instr.a);
      case op_activate:
      case op_block:
      case op_unblock:
        require(instr.imm >= 0 && instr.imm <= int(IdSpace::ut), "an unknown id space");
        return check_reg(function, instr.a);
      case op_copy:
        require(instr.imm >= 0, "a negative size");
        break;
      case op_const:
        check_reg(function, instr.dst);
        if (instr.wide) row(tile_->constants, instr.imm);
        return;
      default:
        break;
    }
    check_reg(function, instr.dst);
    if (!(memory && instr.a == no_reg)) check_reg(function, instr.a);
    check_reg(function, instr.b);
  }
};

}  // namespace

void verify(const Program& program) { Verifier(program).run(); }

}  // namespace pyflame::csl
