#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

enum class Reduction : u8 { kNone, kMean, kSum };

// Log-probabilities (samples, classes, inner) and class ids (samples, inner); `ignored` ids count for nothing.
struct NllShape {
  i64 samples, classes, inner, ignored;
  Reduction reduction;
};

void nll_loss(const NllShape& shape, const View& x, const View& target, const View& out);
void nll_loss_grad(const NllShape& shape, const View& grad, const View& target, const View& out);

}  // namespace pyflame::cpu
