#pragma once
#include "cpu/amx_kernels.h"

namespace pyflame::cpu::amx {

void begin();
void end();
void multiply(i64 steps, int parts, const u16* a, const u16* b, float* c, i64 ldc, bool accumulate, AmxAhead ahead);
void multiply_image(const u16* image, i64 lane_size, i64 part_size, const i64* offsets, i64 steps, int parts,
                    const u16* b, float* sums, bool accumulate);

}  // namespace pyflame::cpu::amx
