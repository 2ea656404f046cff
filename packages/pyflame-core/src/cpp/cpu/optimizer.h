// Fused parameter updates: one pass over parameters, gradients and state. Outputs may be the inputs' memory.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

// in: parameter, gradient, state...; out: new parameter, new state... All contiguous, of one floating dtype and size.
struct Update {
  const View* in;
  const View* out;
  int num_inputs;
};
inline constexpr int kMaxUpdates = 64;  // of one call

// torch.optim.SGD: decay, momentum with dampening, nesterov. `first` replaces the (unset) buffer by the gradient.
struct SgdStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize, has_momentum, first;
};
// The state is the momentum, where there is one.
void sgd_steps(const SgdStep* steps, const Update* updates, int count);

// Adam (Kingma and Ba, 2015) and AdamW (decoupled decay; Loshchilov and Hutter, 2019) in torch's form:
// param -= lr / correction1 * m / (sqrt(v) / sqrt(correction2) + eps).
struct AdamStep {
  double lr, beta1, beta2, eps, weight_decay, correction1, correction2;
  bool decoupled, maximize, amsgrad;
};
// The state is first moment, second moment and, with amsgrad, the largest second moment.
void adam_steps(const AdamStep* steps, const Update* updates, int count);

}  // namespace pyflame::cpu
