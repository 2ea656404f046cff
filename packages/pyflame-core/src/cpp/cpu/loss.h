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

// The loss of log_softmax(x), x of (samples, classes) in float or double, and with it the log-probabilities where
// `log_probs` has memory. shape.inner is 1.
void cross_entropy(const NllShape& shape, const View& x, const View& target, const View& loss, const View& log_probs);
void cross_entropy_grad(const NllShape& shape, const View& grad, const View& log_probs, const View& target, const View& out);

}  // namespace pyflame::cpu
