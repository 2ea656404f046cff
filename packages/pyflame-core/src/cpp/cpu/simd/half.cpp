#include "cpu/half.h"
#include "cpu/simd/half_runs.h"

namespace pyflame::cpu::PYFLAME_TIER {

const HalfKernels half_kernels = {{widen_half, widen_brain}, {narrow_half, narrow_brain}};

}  // namespace pyflame::cpu::PYFLAME_TIER
