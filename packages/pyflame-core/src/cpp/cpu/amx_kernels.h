// The inner kernels of the tile unit (AMX): packing into tiles, and products of packed panels. The loops around them are
// in gemm_amx.cpp. What is compiled for the tile unit is in cpu/amx/ and reached only through these tables.
//
// Panels have 32 lanes (rows of A or columns of B) and go by steps of 32 along K. A step holds, for each part of the
// number, two tiles of 16 lanes and 1 KB each: [lane][k] for A, [k / 2][lane][2] for B. Lanes and steps that the matrix
// does not fill are zero.
#pragma once
#include "base/dtype.h"

namespace pyflame::cpu {

inline constexpr i64 kAmxLanes = 32, kAmxStep = 32, kAmxTile = 512;  // a tile in bfloat16 numbers
inline constexpr int kAmxMaxParts = 3;

// Numbers per step of a panel, and in all of it. Static: these are compiled into code for the tile unit too.
static constexpr i64 amx_step_size(int parts) { return parts * 2 * kAmxTile; }
static constexpr i64 amx_panel_size(i64 k, int parts) { return (k + kAmxStep - 1) / kAmxStep * amx_step_size(parts); }

// Which magnitudes a panel holds, as the bits of floats: the largest, and the smallest but zero.
struct AmxRange {
  u32 low = ~0u, high = 0;

  void join(const AmxRange& other) {
    low = other.low < low ? other.low : low;
    high = other.high > high ? other.high : high;
  }
};

// Memory that a later product will read: so many lines of it are fetched into the second-level cache with each step.
struct AmxAhead {
  const u16* from = nullptr;
  i64 lines = 0;
};

// Numbers of one lane in an image of split floats: steps of [part][32], and a gap, because lanes a multiple of 128 bytes
// apart would meet in few cache sets.
static constexpr i64 amx_lane_size(i64 k, int parts) {
  const i64 lines = (k + kAmxStep - 1) / kAmxStep * parts;
  return (lines + 1 - lines % 2) * kAmxStep;
}

// What becomes of a block of sums (32 x 32, channels or columns contiguous) on its way to memory: sums * scale + shift,
// then the residual, then the larger of that and zero. Every pointer but `out` may be nullptr.
struct AmxResult {
  const float* scale;  // of the block's first channel, as for shift
  const float* shift;
  const float* residual;
  float* out;
  bool relu;
  i64 channels;             // of the block, at most 32
  i64 channel_step;         // from one channel to the next, in out and residual
  const i64* places;        // of each lane in out and residual; negative: the lane is not wanted
  bool past;                // whole lines go past the caches, which then need not read them first
};

struct AmxKernels {
  // Splits floats into `parts` bfloat16 numbers each, the leading ones first. lanes <= 32; one of the strides is 1.
  void (*pack_floats)(const float* in, i64 lane_stride, i64 k_stride, i64 lanes, i64 k, int parts, bool columns,
                      u16* out, AmxRange* range);
  // The same from lanes that lie anywhere, each `k` numbers in a row; nullptr: zeros. Fills steps at `out`.
  void (*pack_lanes)(const float* const* lanes, i64 k, int parts, u16* out, AmxRange* range);
  // Splits pixels of `channels` floats (pixel_stride and channel_stride apart, one of them 1) into lanes of an image.
  void (*pack_pixels)(const float* in, i64 pixel_stride, i64 channel_stride, i64 pixels, i64 channels, int parts,
                      u16* out, AmxRange* range);
  // Splits a run of floats into as many runs as parts, part_size apart; n is a multiple of 32.
  void (*pack_run)(const float* in, i64 n, int parts, u16* out, i64 part_size, AmxRange* range);
  // Windows of `lanes` <= 32 lanes, at most 16 contiguous floats each, turned: element k of all lanes goes to out + k * step.
  void (*turn_windows)(const float* in, i64 lane_stride, i64 lanes, i64 window, float* out, i64 step);
  // The way back: element k of all lanes is at in + k * step.
  void (*turn_back)(const float* in, i64 step, i64 lanes, i64 window, float* out, i64 lane_stride);
  // bfloat16 as it is.
  void (*pack_bfloat16)(const u16* in, i64 lane_stride, i64 k_stride, i64 lanes, i64 k, bool columns, u16* out,
                        AmxRange* range);

  // Between these two calls a thread may multiply.
  void (*begin)();
  void (*end)();
  // C (32 x 32) (+)= A panel times B panel, over `steps`. Of split numbers the products whose sizes add up to less than
  // `parts` are taken.
  void (*multiply)(i64 steps, int parts, const u16* a, const u16* b, float* c, i64 ldc, bool accumulate, AmxAhead ahead);
  // Sums that came from the unit (so none is denormal), rounded to bfloat16. rows, columns <= 32. `past`: as in AmxResult.
  void (*narrow)(const float* sums, i64 lds, i64 rows, i64 columns, u16* out, i64 ldc, bool past);
  // A block of sums (+)= 32 lanes of an image, lane_size apart and each with its parts part_size apart, times B; each step
  // reads the image at an offset of its own.
  void (*multiply_image)(const u16* image, i64 lane_size, i64 part_size, const i64* offsets, i64 steps, int parts,
                         const u16* b, float* sums, bool accumulate);
  void (*finish)(const float* sums, i64 sums_row, const AmxResult& result);
};

// nullptr where no tile unit is compiled for. Whether this machine has one says active_tier().
const AmxKernels* amx_kernels();

}  // namespace pyflame::cpu
