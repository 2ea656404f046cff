// How float32 matrix products may be computed on the tile unit, which multiplies bfloat16 numbers.
#pragma once

namespace pyflame::cpu {

enum class MatmulPrecision {
  kHighest,  // three parts of each number: errors as of float32
  kHigh,     // two parts, about 16 bits
  kMedium,   // bfloat16 inputs
};

MatmulPrecision matmul_precision();
void set_matmul_precision(MatmulPrecision precision);

// Parts that a float32 product takes on the tile unit; 0: it takes other instructions. At first use the unit is tested.
int amx_float_parts();
// Whether bfloat16 products take the tile unit.
bool amx_halves();
// In words: "on", or "off" and why.
const char* amx_float_state();

}  // namespace pyflame::cpu
