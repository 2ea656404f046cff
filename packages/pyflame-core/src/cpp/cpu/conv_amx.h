// Weights of a convolution as the tile unit reads them.
#pragma once
#include "base/buffer.h"
#include "cpu/amx_kernels.h"
#include "cpu/conv_fused.h"

namespace pyflame::cpu {

// How the sum over a window is cut up: into window elements with all their channels, or, where channels are few, into
// window rows with all their pixels.
struct WindowCut {
  bool by_rows;
  i64 taps, length;  // pieces, numbers in each

  explicit WindowCut(const ConvSizes& s);
  i64 steps() const { return (length + kAmxStep - 1) / kAmxStep; }
};

// Whether more than half of what the unit multiplies is wanted: with less, vectors are faster.
bool fills_tiles(const ConvSizes& sizes);

// In scratch, or, when the buffer's contents have been read before and are the same, kept with it. Without panels: they are
// to be packed one by one, just before they are used, as is allowed `by_panel`.
struct ConvWeights {
  const u16* panels;
  AmxRange range;
};
ConvWeights conv_weights(const ConvSizes& sizes, const WindowWeights& weight, int parts, bool by_panel);
void pack_panel(const ConvSizes& sizes, const WindowWeights& weight, int parts, i64 panel, u16* out, AmxRange* range);

// The gradients of contiguous planes on the tile unit. False: not done, as for conv_amx.
bool conv_grad_input_amx(const ConvSizes& sizes, const float* grad, const float* weight, float* out, int parts);
bool conv_grad_weight_amx(const ConvSizes& sizes, const float* grad, const float* input, float* out, int parts);

}  // namespace pyflame::cpu
