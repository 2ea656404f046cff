// Forward convolution of float32 together with what follows it element by element.
#pragma once
#include "base/buffer.h"
#include "cpu/conv_float.h"

namespace pyflame::cpu {

using ConvEpilogue = Epilogue<float>;

// Weights in any order, with the strides of a result channel, a channel, and a row and a column of the window. `buffer`:
// where they lie, so that they are packed once as long as they stay the same, or nullptr.
struct WindowWeights {
  const float* data;
  i64 out, channel, row, column;
  Buffer* buffer;
};

// Where results go: into a plane of `size` from `start` on, with the strides of a row and a column.
struct ResultPlane {
  i64 size, start, row, column;
};

// Input and result are contiguous or have channels innermost.
struct FusedConv {
  ConvSizes sizes;
  const float* input;
  bool input_last;
  WindowWeights weight;
  ConvEpilogue epilogue;
  float* out;
  bool out_last;
  ResultPlane plane;
};

void conv2d_fused(const View& input, const View& weight, const ConvGeometry& geometry, const ConvEpilogue& epilogue,
                  const View& out, Buffer* weight_buffer);

bool is_channels_last(const View& view);

// Products of so few numbers are as fast in planes, where no layout has to be changed before or after them.
inline bool prefers_planes(i64 window, i64 products) { return window == 1 && products < i64{1} << 23; }

// On the tile unit. False: not done, because the sizes do not suit or the numbers would not come out as in float arithmetic.
bool conv_amx(const FusedConv& conv, int parts);
// Whether the sizes suit.
bool suits_amx(const ConvSizes& sizes);

}  // namespace pyflame::cpu
