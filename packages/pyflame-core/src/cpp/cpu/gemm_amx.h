// Matrix products on the tile unit.
#pragma once
#include "base/buffer.h"
#include "cpu/amx_kernels.h"
#include "cpu/gemm_kernels.h"

namespace pyflame::cpu {

// Whether the product is large enough to repay packing, and has strides that pack.
bool suits_amx(const Product<float>& product);
bool suits_amx(const Product<u16>& product);

// Whether floats of these ranges may meet on the unit, in sums of `depth` products: every part of a number, and every
// product of parts, must be a normal float or zero, and no sum may overflow. The last of three parts is 2^-24 of the
// number at its smallest.
bool float_parts_suit(const AmxRange& a, const AmxRange& b, i64 depth);

// Not accumulating; k > 0. Blocks whose numbers the unit would treat otherwise than float arithmetic (infinities, NaN,
// what is denormal or would become so, what is near the largest float) are computed without it. `weight`: the buffer that
// B lies in, where it may be kept packed, or nullptr.
void gemm_amx(const Product<float>& product, int parts, Buffer* weight);
void gemm_amx(const Product<u16>& product, Buffer* weight);  // of bfloat16

}  // namespace pyflame::cpu
