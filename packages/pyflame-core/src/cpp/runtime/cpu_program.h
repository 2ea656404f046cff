// A compiled graph for the CPU: a list of kernel calls whose pointers are bound at each run.
#pragma once
#include "cpu/elementwise.h"
#include "ops/kernels.h"
#include "passes/passes.h"
#include "runtime/backend.h"

namespace pyflame::runtime {

// Base pointers of a run: arena, constants, leaves..., outputs...
struct Place {
  u32 base = 0;
  i64 bytes = 0;  // offset from the base
};

struct Instruction {
  graph::Kernel kernel = nullptr;        // nullptr: a tile program
  ops::JointKernel joint_kernel = nullptr;  // of this instruction and the next, `joint` in all
  u32 joint = 1;
  cpu::TileProgram program;
  Shape shape;
  int folded = -1;                       // output of the tile program that is reduced, `fold_length` elements at a time,
  cpu::ReduceOp fold = cpu::ReduceOp::kSum;      // into the view that stands in its place
  i64 fold_length = 0;
  std::vector<i64> attrs;
  u32 first_view = 0, num_in = 0, num_out = 0;
  u32 param = 0;
  int weight_leaf = -1;                  // leaf that input 1 lies in
  std::vector<std::string> ops;          // for observers: names and source lines
  std::vector<u32> locations;
};

struct CpuProgram {
  std::vector<Instruction> prologue;     // constants: run once
  std::vector<Instruction> body;
  std::vector<cpu::View> views;          // inputs then outputs of each instruction
  std::vector<Place> places;             // of each view
  u32 num_leaves = 0;
  bool reenters = false;                 // a kernel may run this very program again before it returns
  std::size_t arena_bytes = 0, constant_bytes = 0;
};

CpuProgram compile_cpu(const FlatGraph& graph, const std::vector<passes::Step>& steps, Executable& result);

}  // namespace pyflame::runtime
