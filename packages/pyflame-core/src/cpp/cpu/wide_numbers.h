// Python numbers beyond the dtype of the integers they stand beside, as in x < 300 with x of int8.
#pragma once
#include "cpu/elementwise.h"

namespace pyflame::cpu {

bool has_wide_number(const TileProgram& program, const u64* params);

// The program with the steps that read such numbers taken in int64, by way of one more register.
TileProgram widened(TileProgram program);

}  // namespace pyflame::cpu
