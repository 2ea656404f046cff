// Fused parameter updates: one pass over parameter, gradient and state. Outputs may be the inputs' memory.
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

// torch.optim.SGD: decay, momentum with dampening, nesterov. `first` replaces the (unset) buffer by the gradient.
struct SgdStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize, has_momentum, first;
};
// All views contiguous, of one floating dtype and size. momentum views have data == nullptr without momentum.
void sgd_step(const SgdStep& step, const View& param, const View& grad, const View& momentum, const View& out_param,
              const View& out_momentum);

// Adam (Kingma and Ba, 2015) and AdamW (decoupled decay; Loshchilov and Hutter, 2019) in torch's form:
// param -= lr / correction1 * m / (sqrt(v) / sqrt(correction2) + eps).
struct AdamStep {
  double lr, beta1, beta2, eps, weight_decay, correction1, correction2;
  bool decoupled, maximize, amsgrad;
};
// state: first moment, second moment and, with amsgrad, the largest second moment.
void adam_step(const AdamStep& step, const View& param, const View& grad, const View* state, const View& out_param,
               const View* out_state);

}  // namespace pyflame::cpu
