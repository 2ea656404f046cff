// Sums over the paths of connectionist temporal classification (Graves et al., 2006, section 4.1).
#pragma once
#include "cpu/view.h"

namespace pyflame::cpu {

// log_probs (steps, batch, classes), labels (batch, places) with blanks around every label, lengths (batch); all
// contiguous, the integers int64 and checked by the caller. out (batch): the logarithm of the sum of all paths'
// probabilities.
struct CtcInputs {
  View log_probs, labels, input_lengths, target_lengths;
  i64 blank;
};
void ctc(const CtcInputs& in, const View& out);
// grad (batch) times the share of each class at each step, shaped as log_probs.
void ctc_grad(const CtcInputs& in, const View& grad, const View& out);

}  // namespace pyflame::cpu
