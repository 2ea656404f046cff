// Normalization of channels by moments over the batch: x of shape (batch, channels, ...), contiguous.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

// Numbers for each channel: contiguous, float64 beside float64, float32 beside all others; those that are not there have
// no data. Every result but `out`, and its gradient, is such a view.
struct BatchNormInputs {
  View x, weight, bias;
  double eps;
};

void batch_norm(const BatchNormInputs& in, const View& out, const View& mean, const View& variance);

// From the gradient of `out`, those of x, weight and bias. The same blocks are summed up whatever the number of threads.
void batch_norm_grad(const BatchNormInputs& in, const View& grad, const View& mean, const View& variance, const View& out,
                     const View& grad_weight, const View& grad_bias);

}  // namespace pyflame::cpu
