#include "cpu/simd/gemm_pack.h"
#include "cpu/simd/gemm_skinny.h"
#include "cpu/simd/gemm_tile.h"

namespace pyflame::cpu::PYFLAME_TIER {

static constexpr ProductKernels<float> make_table() {
  ProductKernels<float> kernels{};
  fill_tile_table(kernels);
  kernels.pack = pack<float>;
  kernels.stream = stream<float>;
  kernels.dots = dots<float>;
  return kernels;
}

const ProductKernels<float> gemm_float = make_table();

}  // namespace pyflame::cpu::PYFLAME_TIER
