#pragma once
#include "cpu/amx_kernels.h"

namespace pyflame::cpu::amx {

void finish(const float* sums, i64 sums_row, const AmxResult& to);

}  // namespace pyflame::cpu::amx
