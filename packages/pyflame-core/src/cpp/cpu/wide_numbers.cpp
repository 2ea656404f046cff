#include "cpu/wide_numbers.h"

namespace pyflame::cpu {

namespace {

bool is_narrow_number(const TileInput& input) { return input.param >= 0 && is_integer(input.dtype) && dtype_size(input.dtype) < 8; }

bool fits(i64 number, DType dtype) {
  const i64 range = i64{1} << 8 * dtype_size(dtype), low = dtype == DType::kUInt8 ? 0 : -range / 2;
  return low <= number && number < low + range;
}

}  // namespace

bool has_wide_number(const TileProgram& program, const u64* params) {
  if (program.steps.empty()) return false;  // laid out alone, a number wraps
  for (const TileInput& input : program.inputs) {
    if (is_narrow_number(input) && !fits(static_cast<i64>(params[input.param]), input.dtype)) return true;
  }
  return false;
}

TileProgram widened(TileProgram program) {
  const u8 wide = static_cast<u8>(program.num_registers++);
  bool is_wide[kMaxTileRegisters] = {};
  for (TileInput& input : program.inputs) {
    if (!is_narrow_number(input)) continue;
    is_wide[input.reg] = true;
    input.dtype = DType::kInt64;
  }
  const std::vector<TileStep> steps = std::move(program.steps);
  program.steps.clear();
  for (TileStep step : steps) {
    const int tensor = is_wide[step.in[0]] ? 1 : 0;
    if (!is_wide[step.in[1 - tensor]] || step.op < TileOp::add || step.op >= TileOp::where) {
      program.steps.push_back(step);
      continue;
    }
    const DType dtype = step.in_dtype, out_dtype = step.out_dtype;
    const u8 out = step.out;
    program.steps.push_back({TileOp::cast, dtype, DType::kInt64, wide, {step.in[tensor], 0, 0}});
    step.in[tensor] = wide;
    step.in_dtype = DType::kInt64;
    if (out_dtype != DType::kBool) step.out = wide, step.out_dtype = DType::kInt64;
    program.steps.push_back(step);
    if (out_dtype != DType::kBool) program.steps.push_back({TileOp::cast, DType::kInt64, out_dtype, out, {wide, 0, 0}});
  }
  return program;
}

}  // namespace pyflame::cpu
