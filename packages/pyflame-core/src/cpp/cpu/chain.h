// Chains: elementwise programs of one floating class as threaded code, with bools and what is converted from and to
// integers. Every instruction is a function that works on a block of eight vectors, which it is given and hands on in
// registers, and ends by jumping to the next: values stay in registers from op to op, and instructions of neighbouring
// ops overlap.
#pragma once
#include <vector>

#include "base/shape.h"
#include "base/view.h"
#include "cpu/tile.h"

namespace pyflame::cpu {

struct TileProgram;

// Memory an instruction reads or writes, element i of it at `memory + i * step`; or, where its form says so, a number.
struct ChainOperand {
  union {
    char* memory;
    u64 number;  // the bits of an element
  };
  i64 step;
};

struct ChainItem {
  void (*run)();  // a function of the tier: see cpu/simd/chain.cpp
  ChainOperand in[2];
  union {
    TileFn call;
    void (*round)(void*, i64);
  };
};

// What an operand of an item stands for; memory is known only when the program runs.
enum class ChainPlace : u8 { kInput, kOutput, kSlot, kNumber };
struct ChainBinding {
  u16 item;
  u8 operand;
  ChainPlace place;
  u8 index;  // input, output or slot; kNumber: an input that is a parameter
};

struct Chain {
  bool is_double = false;
  int num_slots = 0;
  std::vector<ChainItem> items;  // none: the program is not a chain
  std::vector<ChainBinding> bindings;
  std::vector<u16> last_read, first_write;  // of each input and output: number of items so far
};
inline constexpr std::size_t kMaxChainItems = 160;
inline constexpr int kMaxChainSlots = 48;
inline constexpr i64 kMaxChainBlock = 128;   // elements
inline constexpr i64 kChainSlotBytes = 512;  // of a block

// The threaded code of a program, without items where it computes with integers (which it may read and write), or with
// floats and doubles.
Chain build_chain(const TileProgram& program);

// As run_tile_program. False, and nothing done, for a program without a chain.
bool run_chain(const TileProgram& program, const Shape& shape, i64 n, const View* inputs, const u64* params, void* const* outputs);

}  // namespace pyflame::cpu
