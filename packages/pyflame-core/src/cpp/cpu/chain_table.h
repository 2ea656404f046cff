// The instructions of chains, one table per instruction-set tier.
#pragma once
#include "cpu/chain.h"
#include "cpu/elementwise_table.h"

namespace pyflame::cpu {

using ChainFn = void (*)();

// Where a binary instruction finds its operands: the block it is given, memory, or a number.
enum class ChainForm : u8 { kBlockMemory, kBlockNumber, kMemoryBlock, kNumberBlock, kBlockBlock, kMemoryMemory, kMemoryNumber, kNumberMemory };
inline constexpr int kNumChainForms = 8;

// Bools are lanes of all ones or none: the last three are for them.
enum class ChainBinary : u8 { add, sub, mul, div, maximum, minimum, eq, ne, lt, le, gt, ge, both, either, differ };
inline constexpr int kNumChainBinary = 15;
inline constexpr int kNumChainPairs = 3;  // add, sub and mul also come in pairs

struct ChainInstructions {
  i64 block;  // elements
  ChainFn binary[kNumChainBinary][kNumChainForms];
  // (block op x) op y, by both ops and whether x and y are numbers.
  ChainFn pair[kNumChainPairs][2][kNumChainPairs][2];
  ChainFn unary[kNumUnary];    // null: `call` does it
  ChainFn load, load_number, load_bool, store, store_bool;
  ChainFn load_whole[kNumClasses];  // integers, as floats; null: `call` does it
  ChainFn store_as;                 // item.call(memory, block)
  ChainFn select[2][2];        // block ? x : y, by whether x and y are numbers
  ChainFn invert, from_bool, to_bool;
  ChainFn call;                // item.call(block, in[0], in[1]): an operand without memory is the block
  ChainFn round;               // item.round(block)
  ChainFn end;
  // n: at least `block`. Of what a last block would lack, it takes elements of the one before again.
  void (*run)(const ChainItem* items, i64 n);
};

// Functions, as the address of an instruction is no constant once its type is erased.
struct ChainTable {
  const ChainInstructions& (*of_float)();
  const ChainInstructions& (*of_double)();
};

PYFLAME_DECLARE_TIERS(ChainTable, chain_table)

}  // namespace pyflame::cpu
