// Products of packed panels on the tile unit: four tiles of C, two of A and two of B fill its eight registers.
#include "cpu/amx/multiply.h"

#include <immintrin.h>

#include "cpu/amx_kernels.h"

namespace pyflame::cpu::amx {

namespace {

struct alignas(64) TileConfig {
  u8 palette, start_row, reserved[14];
  u16 bytes_per_row[16];
  u8 rows[16];
};
// In memory for good: gcc 12 thinks that the instruction reads eight bytes, and drops stores to the others.
const TileConfig g_config = {1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

// Where the tiles of A are: 16 lanes of one part in a row, as a panel has them, or lanes with all their parts.
struct PanelLanes {
  i64 stride() const { return 64; }
  i64 part(int index) const { return index * 2 * kAmxTile; }
  i64 half() const { return kAmxTile; }
  i64 at(i64 step, int parts) const { return step * amx_step_size(parts); }
};
struct ImageLanes {
  i64 lane_size, part_size;
  const i64* offsets;
  i64 stride() const { return lane_size * 2; }
  i64 part(int index) const { return index * part_size; }
  i64 half() const { return 16 * lane_size; }
  i64 at(i64 step, int) const { return offsets[step]; }
};

// Each tile is loaded just before its first product, so that the unit starts while the rest is on its way.
#define LOAD_A0(index) _tile_loadd(4, a + lanes.part(index), stride)
#define LOAD_A1(index) _tile_loadd(5, a + half + lanes.part(index), stride)
#define LOAD_B0(part) _tile_loadd(6, b + (part) * 2 * kAmxTile, 64)
#define LOAD_B1(part) _tile_loadd(7, b + ((part) * 2 + 1) * kAmxTile, 64)
#define LOAD_BOTH(a_part, b_part) \
  LOAD_B0(b_part);                \
  LOAD_A0(a_part);                \
  _tile_dpbf16ps(0, 4, 6);        \
  LOAD_B1(b_part);                \
  _tile_dpbf16ps(1, 4, 7);        \
  LOAD_A1(a_part);                \
  _tile_dpbf16ps(2, 5, 6);        \
  _tile_dpbf16ps(3, 5, 7)
#define LOAD_A(index)      \
  LOAD_A0(index);          \
  _tile_dpbf16ps(0, 4, 6); \
  _tile_dpbf16ps(1, 4, 7); \
  LOAD_A1(index);          \
  _tile_dpbf16ps(2, 5, 6); \
  _tile_dpbf16ps(3, 5, 7)
#define LOAD_B(part)       \
  LOAD_B0(part);           \
  _tile_dpbf16ps(0, 4, 6); \
  _tile_dpbf16ps(2, 5, 6); \
  LOAD_B1(part);           \
  _tile_dpbf16ps(1, 4, 7); \
  _tile_dpbf16ps(3, 5, 7)

// Small products first: what is added to a large sum is rounded to it.
template <int kParts, class Lanes>
void multiply_steps(i64 steps, const u16* from, Lanes lanes, const u16* b, AmxAhead ahead = {}) {
  const i64 stride = lanes.stride(), half = lanes.half();
  for (i64 step = 0; step < steps; ++step, b += amx_step_size(kParts)) {
    const u16* a = from + lanes.at(step, kParts);
    for (i64 i = 0; i < ahead.lines; ++i, ahead.from += 32) _mm_prefetch(ahead.from, _MM_HINT_T1);
    if constexpr (kParts == 1) {
      LOAD_BOTH(0, 0);
    } else if constexpr (kParts == 2) {
      LOAD_BOTH(1, 0);
      LOAD_A(0);
      LOAD_B(1);
    } else {
      LOAD_BOTH(2, 0);
      LOAD_A(1);
      LOAD_B(1);
      LOAD_A(0);
      LOAD_B(2);
      LOAD_B(0);
    }
  }
}
#undef LOAD_A0
#undef LOAD_A1
#undef LOAD_B0
#undef LOAD_B1
#undef LOAD_BOTH
#undef LOAD_A
#undef LOAD_B

void load_sums(const float* c, i64 ldc) {
  _tile_loadd(0, c, ldc * 4);
  _tile_loadd(1, c + 16, ldc * 4);
  _tile_loadd(2, c + 16 * ldc, ldc * 4);
  _tile_loadd(3, c + 16 * ldc + 16, ldc * 4);
}
void store_sums(float* c, i64 ldc) {
  _tile_stored(0, c, ldc * 4);
  _tile_stored(1, c + 16, ldc * 4);
  _tile_stored(2, c + 16 * ldc, ldc * 4);
  _tile_stored(3, c + 16 * ldc + 16, ldc * 4);
}

void begin_sums(const float* c, i64 ldc, bool accumulate) {
  if (accumulate) return load_sums(c, ldc);
  for (i64 row = 0; row < kAmxLanes; ++row) {  // stores would wait for each line in turn
    __builtin_prefetch(c + row * ldc, 1);
    __builtin_prefetch(c + row * ldc + 16, 1);
  }
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

}  // namespace

void multiply_image(const u16* image, i64 lane_size, i64 part_size, const i64* offsets, i64 steps, int parts,
                    const u16* b, float* sums, bool accumulate) {
  begin_sums(sums, kAmxLanes, accumulate);
  const ImageLanes lanes{lane_size, part_size, offsets};
  if (parts == 1) {
    multiply_steps<1>(steps, image, lanes, b);
  } else if (parts == 2) {
    multiply_steps<2>(steps, image, lanes, b);
  } else {
    multiply_steps<3>(steps, image, lanes, b);
  }
  store_sums(sums, kAmxLanes);
}

void begin() { _tile_loadconfig(&g_config); }
void end() {
  _mm_sfence();  // stores past the caches are seen by who waits for this thread
  _tile_release();
}

void multiply(i64 steps, int parts, const u16* a, const u16* b, float* c, i64 ldc, bool accumulate, AmxAhead ahead) {
  begin_sums(c, ldc, accumulate);
  if (parts == 1) {
    multiply_steps<1>(steps, a, PanelLanes{}, b, ahead);
  } else if (parts == 2) {
    multiply_steps<2>(steps, a, PanelLanes{}, b, ahead);
  } else {
    multiply_steps<3>(steps, a, PanelLanes{}, b, ahead);
  }
  store_sums(c, ldc);
}

}  // namespace pyflame::cpu::amx
