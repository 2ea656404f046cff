// From a tile program to a chain: which value is in the block, which in memory, and the instruction for every step.
#include <algorithm>

#include "cpu/chain_table.h"

namespace pyflame::cpu {

namespace {

struct NotAChain {};

// Operands of steps by value: inputs first, then the result of each step.
struct Value {
  bool is_bool = false;
  bool is_whole = false;  // an integer: converted where it is read or written, and never in the block
  int last_use = -1;    // step
  bool in_memory = false;
  ChainPlace place = ChainPlace::kSlot;
  int index = 0;
};

class Builder {
 public:
  explicit Builder(const TileProgram& program) : program_(program) {
    chain_.is_double = std::any_of(program.inputs.begin(), program.inputs.end(), is_double) ||
                       std::any_of(program.steps.begin(), program.steps.end(), is_double_step);
    const ChainTable& table = active_chain_table();
    code_ = chain_.is_double ? &table.of_double() : &table.of_float();
    name_values();
  }

  Chain build() {
    chain_.last_read.resize(program_.inputs.size());
    chain_.first_write.resize(program_.outputs.size());
    for (std::size_t k = 0; k < program_.inputs.size(); ++k) prepare_input(static_cast<int>(k));
    for (step_ = 0; step_ < program_.steps.size(); ++step_) emit_step();
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      if (outputs_[k] >= num_inputs()) continue;
      load(outputs_[k]);
      store(ChainPlace::kOutput, static_cast<int>(k));
    }
    emit(code_->end);
    return std::move(chain_);
  }

 private:
  static bool is_double(const TileInput& input) { return input.dtype == DType::kFloat64; }
  static bool is_double_step(const TileStep& step) { return step.out_dtype == DType::kFloat64; }
  int num_inputs() const { return static_cast<int>(program_.inputs.size()); }
  const TileStep& step() const { return program_.steps[step_]; }
  Value& value(int v) { return values_[static_cast<std::size_t>(v)]; }

  static int num_operands(TileOp op) {
    return op < TileOp::add || op == TileOp::cast ? 1 : op == TileOp::where ? 3 : 2;
  }

  TileClass number_class() const { return chain_.is_double ? kClassDouble : kClassFloat; }

  bool make_value(DType dtype) {
    if (is_floating(dtype) && class_of(dtype) != number_class()) throw NotAChain();
    values_.push_back({});
    values_.back().is_bool = dtype == DType::kBool;
    values_.back().is_whole = is_integer(dtype);
    return dtype == DType::kBool;
  }

  // Integers are read from inputs as floats, or made of floats for outputs.
  void check_whole(const TileStep& step, const std::vector<int>& in) {
    const bool reads = std::any_of(in.begin(), in.end(), [this](int v) { return value(v).is_whole; });
    const bool makes = is_integer(step.out_dtype);
    if (!reads && !makes) return;
    const bool converts = step.op == TileOp::cast && !is_number(in[0]) && reads != makes && step.out_dtype != DType::kBool;
    if (!converts || value(in[0]).is_bool || (reads && in[0] >= num_inputs())) throw NotAChain();
  }

  void name_values() {
    int owner[kMaxTileRegisters] = {};
    bool only_bools = true;
    for (const TileInput& input : program_.inputs) {
      owner[input.reg] = static_cast<int>(values_.size());
      only_bools &= make_value(input.dtype);
    }
    for (const TileStep& step : program_.steps) {
      operands_.push_back({});
      for (int k = 0; k < num_operands(step.op); ++k) {
        int v = owner[step.in[k]];
        operands_.back().push_back(v);
        value(v).last_use = static_cast<int>(operands_.size()) - 1;
      }
      check_whole(step, operands_.back());
      owner[step.out] = static_cast<int>(values_.size());
      only_bools &= make_value(step.out_dtype);
    }
    if (only_bools) throw NotAChain();
    for (u8 reg : program_.outputs) outputs_.push_back(owner[reg]);
  }

  // ---- items
  ChainItem& emit(ChainFn run) {
    if (!run || chain_.items.size() == kMaxChainItems) throw NotAChain();
    chain_.items.push_back({});
    chain_.items.back().run = run;
    return chain_.items.back();
  }

  void bind(int operand, ChainPlace place, int index) {
    if (place == ChainPlace::kInput) chain_.last_read[static_cast<std::size_t>(index)] = static_cast<u16>(chain_.items.size());
    chain_.bindings.push_back({static_cast<u16>(chain_.items.size() - 1), static_cast<u8>(operand), place, static_cast<u8>(index)});
  }

  void bind(int operand, int v) {
    if (is_number(v)) return bind(operand, ChainPlace::kNumber, v);
    if (!value(v).in_memory) throw NotAChain();
    bind(operand, value(v).place, value(v).index);
  }

  bool is_number(int v) const { return v < num_inputs() && program_.inputs[static_cast<std::size_t>(v)].param >= 0; }

  int new_slot() {
    if (free_.empty()) {
      if (chain_.num_slots == kMaxChainSlots) throw NotAChain();
      free_.push_back(chain_.num_slots++);
    }
    int slot = free_.back();
    free_.pop_back();
    return slot;
  }

  void store(ChainPlace place, int index) {
    bool is_bool = place == ChainPlace::kOutput && program_.out_dtypes[static_cast<std::size_t>(index)] == DType::kBool;
    emit(is_bool ? code_->store_bool : code_->store);
    bind(0, place, index);
    if (place == ChainPlace::kOutput) chain_.first_write[static_cast<std::size_t>(index)] = static_cast<u16>(chain_.items.size());
  }

  // Bools, unless they are only ever loaded, and numbers that a call reads are spread out in a slot first.
  void prepare_input(int k) {
    Value& input = value(k);
    if (is_number(k)) {
      if (input.is_bool) throw NotAChain();
      if (is_called_with(k)) spread(k);
      return;
    }
    input.in_memory = true;
    input.place = ChainPlace::kInput;
    input.index = k;
    if (input.is_bool && needs_memory(k, -1)) spread(k);
  }

  void spread(int k) {
    load(k);
    keep_in_slot(value(k));
  }

  void keep_in_slot(Value& v) {
    v.in_memory = true;
    v.place = ChainPlace::kSlot;
    v.index = new_slot();
    store(ChainPlace::kSlot, v.index);
  }

  bool is_call(std::size_t s) const {
    TileOp op = program_.steps[s].op;
    return operands_[s].size() == 2 && binary_of(op, values_[static_cast<std::size_t>(operands_[s][0])].is_bool) < 0;
  }
  bool is_called_with(int v) const {
    for (std::size_t s = 0; s < operands_.size(); ++s) {
      if (is_call(s) && operands_[s][1] == v) return true;
    }
    return false;
  }

  void load(int v) {
    if (block_ == v) return;
    if (is_number(v)) {
      emit(code_->load_number);
    } else {
      emit(value(v).is_bool && value(v).place == ChainPlace::kInput ? code_->load_bool : code_->load);
    }
    bind(0, v);
    block_ = v;
  }

  // ---- steps
  static int binary_of(TileOp op, bool on_bools) {
    ChainBinary binary;
    switch (op) {
      case TileOp::add: binary = ChainBinary::add; break;
      case TileOp::sub: binary = ChainBinary::sub; break;
      case TileOp::mul: binary = ChainBinary::mul; break;
      case TileOp::div: binary = ChainBinary::div; break;
      case TileOp::maximum: binary = ChainBinary::maximum; break;
      case TileOp::minimum: binary = ChainBinary::minimum; break;
      case TileOp::eq: binary = ChainBinary::eq; break;
      case TileOp::ne: binary = ChainBinary::ne; break;
      case TileOp::lt: binary = ChainBinary::lt; break;
      case TileOp::le: binary = ChainBinary::le; break;
      case TileOp::gt: binary = ChainBinary::gt; break;
      case TileOp::ge: binary = ChainBinary::ge; break;
      case TileOp::logical_and: case TileOp::bitwise_and: return on_bools ? static_cast<int>(ChainBinary::both) : -1;
      case TileOp::logical_or: case TileOp::bitwise_or: return on_bools ? static_cast<int>(ChainBinary::either) : -1;
      case TileOp::logical_xor: case TileOp::bitwise_xor: return on_bools ? static_cast<int>(ChainBinary::differ) : -1;
      default: return -1;
    }
    return on_bools ? -1 : static_cast<int>(binary);
  }

  // Whether step s needs its operand v in memory although the step before has left it in the block.
  bool reads_memory(std::size_t s, int v) const {
    const std::vector<int>& in = operands_[s];
    if (program_.steps[s].op == TileOp::where) return v == in[1] || v == in[2];
    return in.size() == 2 && v == in[1] && v != in[0] && (is_call(s) || values_[static_cast<std::size_t>(v)].is_bool);
  }

  // Whether the result of step `made` (-1: an input) is read elsewhere than from the block.
  bool needs_memory(int v, int made) const {
    for (std::size_t s = static_cast<std::size_t>(made + 1); s < operands_.size(); ++s) {
      const std::vector<int>& in = operands_[s];
      if (std::find(in.begin(), in.end(), v) == in.end()) continue;
      if ((made >= 0 && static_cast<int>(s) != made + 1) || reads_memory(s, v)) return true;
    }
    return false;
  }

  void emit_step() {
    const std::vector<int>& in = operands_[step_];
    const TileOp op = step().op;
    if (is_integer(step().out_dtype)) return emit_store_as(in[0]);
    if (op == TileOp::where) {
      emit_select(in);
    } else if (op == TileOp::cast) {
      emit_cast(in[0]);
    } else if (in.size() == 1) {
      emit_unary(in[0]);
    } else {
      emit_binary(in);
    }
    finish_step();
  }

  void emit_select(const std::vector<int>& in) {
    if (is_number(in[0])) throw NotAChain();
    load(in[0]);
    if (value(in[1]).is_bool && (is_number(in[1]) || is_number(in[2]))) throw NotAChain();
    emit(code_->select[is_number(in[1])][is_number(in[2])]);
    bind(0, in[1]);
    bind(1, in[2]);
  }

  // The block stays as it is.
  void emit_store_as(int v) {
    load(v);
    const int made = num_inputs() + static_cast<int>(step_);
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      if (outputs_[k] != made) continue;
      emit(code_->store_as).call = active_convert_table().cast[number_class()][class_of(step().out_dtype)];
      bind(0, ChainPlace::kOutput, static_cast<int>(k));
      chain_.first_write[k] = static_cast<u16>(chain_.items.size());
    }
    release(v);
  }

  void emit_cast(int v) {
    if (value(v).is_whole) {
      const TileClass from = class_of(program_.inputs[static_cast<std::size_t>(v)].dtype);
      const ChainFn run = code_->load_whole[from];
      emit(run ? run : code_->call).call = active_convert_table().cast[from][number_class()];
      return bind(0, ChainPlace::kInput, v);
    }
    load(v);
    bool from = value(v).is_bool, to = step().out_dtype == DType::kBool;
    if (from != to) emit(to ? code_->to_bool : code_->from_bool);
  }

  void emit_unary(int v) {
    const TileOp op = step().op;
    load(v);
    if (value(v).is_bool) {
      if (op != TileOp::logical_not && op != TileOp::bitwise_not) throw NotAChain();
      emit(code_->invert);
    } else if (ChainFn run = code_->unary[static_cast<int>(op)]) {
      emit(run);
    } else {
      emit_call(active_unary_table().fn[static_cast<int>(op)]);
    }
  }

  void emit_binary(const std::vector<int>& in) {
    const bool on_bools = value(in[0]).is_bool;
    const int op = binary_of(step().op, on_bools);
    if (on_bools != value(in[1]).is_bool) throw NotAChain();
    if (op < 0) {
      if (on_bools || step().op >= TileOp::eq) throw NotAChain();
      load(in[0]);
      emit_call(active_binary_table().fn[static_cast<int>(step().op) - kFirstBinary]);
      if (in[1] != in[0]) bind(1, value(in[1]).place, value(in[1]).index);
      return;
    }
    ChainForm form = form_of(in);
    if (form == ChainForm::kBlockMemory || form == ChainForm::kBlockNumber) return emit_onto_block(op, in[1]);
    emit(code_->binary[op][static_cast<int>(form)]);
    if (in[0] != block_) bind(0, in[0]);
    if (in[1] != block_) bind(1, in[1]);
  }

  // Two such items in a row become one.
  void emit_onto_block(int op, int operand) {
    const bool number = is_number(operand);
    if (op >= kNumChainPairs) {
      emit(code_->binary[op][static_cast<int>(number ? ChainForm::kBlockNumber : ChainForm::kBlockMemory)]);
      return bind(1, operand);
    }
    if (half_pair_.item + 1 == chain_.items.size()) {
      chain_.items.back().run = code_->pair[half_pair_.op][half_pair_.number][op][number];
      chain_.bindings.back().operand = 0;
      half_pair_ = {};
    } else {
      emit(code_->binary[op][static_cast<int>(number ? ChainForm::kBlockNumber : ChainForm::kBlockMemory)]);
      half_pair_ = {chain_.items.size() - 1, op, number};
    }
    bind(1, operand);
  }

  ChainForm form_of(const std::vector<int>& in) {
    const bool left_number = is_number(in[0]), right_number = is_number(in[1]);
    const bool first = in[0] == in[1] || value(in[0]).is_bool || (left_number && right_number);
    if (first) load(in[0]);
    if (in[0] == in[1]) return ChainForm::kBlockBlock;
    if (in[0] == block_) return right_number ? ChainForm::kBlockNumber : ChainForm::kBlockMemory;
    if (in[1] == block_) return left_number ? ChainForm::kNumberBlock : ChainForm::kMemoryBlock;
    return left_number ? ChainForm::kNumberMemory : right_number ? ChainForm::kMemoryNumber : ChainForm::kMemoryMemory;
  }

  // The tile loop of an op that has no instruction of its own.
  void emit_call(const TileFn (&by_class)[kNumClasses]) {
    TileFn fn = by_class[number_class()];
    if (!fn || step().out_dtype == DType::kBool) throw NotAChain();
    emit(code_->call).call = fn;
  }

  void finish_step() {
    block_ = num_inputs() + static_cast<int>(step_);
    Value& result = value(block_);
    if (auto round = active_convert_table().round[static_cast<int>(step().out_dtype)]; round && !result.is_bool) {
      emit(code_->round).round = round;
    }
    for (int v : operands_[step_]) release(v);
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      if (outputs_[k] != block_) continue;
      store(ChainPlace::kOutput, static_cast<int>(k));
      if (result.is_bool) continue;
      result.in_memory = true;
      result.place = ChainPlace::kOutput;
      result.index = static_cast<int>(k);
    }
    if (!result.in_memory && needs_memory(block_, static_cast<int>(step_))) keep_in_slot(result);
  }

  void release(int v) {
    Value& operand = value(v);
    if (!operand.in_memory || operand.place != ChainPlace::kSlot || operand.last_use != static_cast<int>(step_)) return;
    operand.in_memory = false;
    free_.push_back(operand.index);
  }

  const TileProgram& program_;
  const ChainInstructions* code_;
  Chain chain_;
  std::vector<Value> values_;
  std::vector<std::vector<int>> operands_;
  std::vector<int> outputs_, free_;
  std::size_t step_ = 0;
  int block_ = -1;  // the value the block holds
  struct {
    std::size_t item = ~std::size_t{1};
    int op = 0;
    bool number = false;
  } half_pair_;  // an item that may become the first half of a pair
};

}  // namespace

Chain build_chain(const TileProgram& program) {
  try {
    return Builder(program).build();
  } catch (const NotAChain&) {
    return {};
  }
}

}  // namespace pyflame::cpu
