// The vectorised parameter updates behind optimizer.h, one table per instruction-set tier.
#pragma once
#include "cpu/optimizer.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

// Operands of a span of n elements, all float or all double. Null where the update has no such state.
struct SgdSpan {
  const void *param, *grad, *momentum;
  void *out_param, *out_momentum;
};
struct AdamSpan {
  const void *param, *grad, *state[3];
  void *out_param, *out_state[3];
};

struct OptimizerTable {
  void (*sgd_float)(const SgdStep& step, const SgdSpan& span, i64 n);
  void (*sgd_double)(const SgdStep& step, const SgdSpan& span, i64 n);
  void (*adam_float)(const AdamStep& step, const AdamSpan& span, i64 n);
  void (*adam_double)(const AdamStep& step, const AdamSpan& span, i64 n);
};

PYFLAME_DECLARE_TIERS(OptimizerTable, optimizer_table)

}  // namespace pyflame::cpu
