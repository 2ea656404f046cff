#pragma once
#include "cpu/amx_kernels.h"

namespace pyflame::cpu::amx {

void finish(const float* sums, const ConvBlock& block);

}  // namespace pyflame::cpu::amx
