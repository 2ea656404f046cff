#include "cpu/simd/gemm_pack.h"
#include "cpu/simd/gemm_skinny.h"
#include "cpu/simd/gemm_tile.h"

namespace pyflame::cpu::PYFLAME_TIER {

static constexpr ProductKernels<double> make_table() {
  ProductKernels<double> kernels{};
  fill_tile_table(kernels);
  kernels.pack = pack<double>;
  kernels.stream = stream<double>;
  kernels.dots = dots<double>;
  return kernels;
}

const ProductKernels<double> gemm_double = make_table();

}  // namespace pyflame::cpu::PYFLAME_TIER
