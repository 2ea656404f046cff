#include "cpu/gemm_amx.h"

#include "cpu/amx_kernels.h"
#include "cpu/gemm_blocked.h"
#include "cpu/half.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kBlockRows = 1024, kBlockColumns = 1024;
constexpr i64 kRowPanels = 8;  // panels of A that one task holds in the second-level cache

i64 least(i64 a, i64 b) { return a < b ? a : b; }
i64 ceil_div(i64 a, i64 b) { return (a + b - 1) / b; }

int exponent(u32 bits) { return static_cast<int>(bits >> 23) - 127; }
bool empty(const AmxRange& range) { return range.low == ~0u; }

// A product of floats, split into parts.
struct FloatProduct {
  using Number = float;
  const Product<float>& g;
  int parts;
  static constexpr i64 kDepth = 512;

  void pack_a(i64 i, i64 p, i64 lanes, i64 k, u16* out, AmxRange* range) const {
    amx_kernels()->pack_floats(g.a + i * g.a_row + p * g.a_col, g.a_row, g.a_col, lanes, k, parts, false, out, range);
  }
  void pack_b(i64 j, i64 p, i64 lanes, i64 k, u16* out, AmxRange* range) const {
    amx_kernels()->pack_floats(g.b + p * g.b_row + j * g.b_col, g.b_col, g.b_row, lanes, k, parts, true, out, range);
  }
  // Every part of a number, and every product of parts, must be a normal float or zero, and no sum may overflow. The
  // last of three parts is 2^-24 of the number at its smallest.
  bool representable(const AmxRange& a, const AmxRange& b) const {
    if (a.high >= 0x7f000000 || b.high >= 0x7f000000) return false;
    if (empty(a) || empty(b)) return true;
    int low_a = exponent(a.low), low_b = exponent(b.low), bits = 1;
    while ((i64{1} << bits) < g.k) ++bits;
    return low_a >= -102 && low_b >= -102 && low_a + low_b >= -96 && exponent(a.high) + exponent(b.high) + bits <= 124;
  }
  void without_tiles(i64 i, i64 j, i64 p, i64 m, i64 n, i64 k, float* c, i64 ldc, bool accumulate) const {
    gemm_plain(Product<float>{m, n, k, g.a + i * g.a_row + p * g.a_col, g.a_row, g.a_col,
                              g.b + p * g.b_row + j * g.b_col, g.b_row, g.b_col, c, ldc, accumulate});
  }
};

// A product of bfloat16 numbers as they are.
struct HalfProduct {
  using Number = u16;
  const Product<u16>& g;
  static constexpr int parts = 1;
  static constexpr i64 kDepth = 1024;

  void pack_a(i64 i, i64 p, i64 lanes, i64 k, u16* out, AmxRange* range) const {
    amx_kernels()->pack_bfloat16(g.a + i * g.a_row + p * g.a_col, g.a_row, g.a_col, lanes, k, false, out, range);
  }
  void pack_b(i64 j, i64 p, i64 lanes, i64 k, u16* out, AmxRange* range) const {
    amx_kernels()->pack_bfloat16(g.b + p * g.b_row + j * g.b_col, g.b_col, g.b_row, lanes, k, true, out, range);
  }
  // The unit knows infinities and NaN, but takes denormal numbers and sums for zero.
  bool representable(const AmxRange& a, const AmxRange& b) const {
    if (empty(a) || empty(b)) return true;
    int low_a = exponent(a.low), low_b = exponent(b.low);
    return low_a >= -126 && low_b >= -126 && low_a + low_b >= -108;
  }
  void without_tiles(i64 i, i64 j, i64 p, i64 m, i64 n, i64 k, float* c, i64 ldc, bool accumulate) const {
    float* a = scratch<float>(Scratch::kHalfA, m * k);
    float* b = scratch<float>(Scratch::kHalfB, k * n);
    widen(g.a + i * g.a_row + p * g.a_col, g.a_row, g.a_col, m, k, a);
    widen(g.b + p * g.b_row + j * g.b_col, g.b_row, g.b_col, k, n, b);
    gemm_plain(Product<float>{m, n, k, a, k, 1, b, n, 1, c, ldc, accumulate});
  }
  static void widen(const u16* in, i64 row, i64 column, i64 rows, i64 columns, float* out) {
    for (i64 i = 0; i < rows; ++i) {
      for (i64 j = 0; j < columns; ++j) halves_to_float(DType::kBFloat16, in + i * row + j * column, 1, out + i * columns + j);
    }
  }
};

// C (m x n floats, row stride ldc) = columns [first, first + n) of the product, for all its rows.
template <class Source>
struct AmxBlocks {
  const Source& source;
  float* c;
  i64 ldc, m, first, n, k;
  u16 *packed_a, *packed_b;
  AmxRange *range_a, *range_b;
  u8* plain;  // tiles of C that some block has computed without the unit, which would flush what it left there

  void run(bool threaded) {
    const i64 column_panels = ceil_div(n, kAmxLanes), row_panels = ceil_div(m, kAmxLanes);
    const i64 depth = least(Source::kDepth, k), panel = amx_panel_size(depth, source.parts);
    packed_b = scratch<u16>(Scratch::kAmxB, column_panels * panel);
    packed_a = scratch<u16>(Scratch::kAmxA, least(row_panels, kBlockRows / kAmxLanes) * panel);
    const i64 ranges = row_panels + column_panels, tiles = row_panels * column_panels;
    u8* state = scratch<u8>(Scratch::kAmxState, ranges * static_cast<i64>(sizeof(AmxRange)) + tiles);
    range_a = reinterpret_cast<AmxRange*>(state);
    range_b = range_a + row_panels;
    plain = state + ranges * static_cast<i64>(sizeof(AmxRange));
    for (i64 i = 0; i < tiles; ++i) plain[i] = 0;
    for (i64 p = 0; p < k; p += depth) {
      for (i64 i = 0; i < m; i += kBlockRows) {
        block(i, least(kBlockRows, m - i), p, least(depth, k - p), i == 0, threaded);
      }
    }
  }

  void block(i64 i0, i64 rows, i64 p, i64 depth, bool pack_b, bool threaded) {
    const i64 column_panels = ceil_div(n, kAmxLanes), row_panels = ceil_div(rows, kAmxLanes);
    const i64 panel = amx_panel_size(depth, source.parts), packs = row_panels + (pack_b ? column_panels : 0);
    parallel_for(packs, threaded ? 2 : packs, [&](i64 begin, i64 end) {
      for (i64 i = begin; i < end; ++i) {
        const bool is_a = i < row_panels;
        const i64 at = is_a ? i : i - row_panels;
        AmxRange* range = is_a ? range_a + i0 / kAmxLanes + at : range_b + at;
        *range = AmxRange{};
        if (is_a) {
          source.pack_a(i0 + at * kAmxLanes, p, least(kAmxLanes, rows - at * kAmxLanes), depth, packed_a + at * panel, range);
        } else {
          source.pack_b(first + at * kAmxLanes, p, least(kAmxLanes, n - at * kAmxLanes), depth, packed_b + at * panel, range);
        }
      }
    });
    const i64 down = ceil_div(row_panels, kRowPanels), across_panels = threaded ? 8 : column_panels;
    const i64 across = ceil_div(column_panels, across_panels), tasks = down * across;
    parallel_for(tasks, threaded ? 1 : tasks, [&](i64 begin, i64 end) {
      amx_kernels()->begin();
      for (i64 task = begin; task < end; ++task) {
        const i64 row = task / across * kRowPanels, column = task % across * across_panels;
        tiles(i0, rows, p, depth, row, least(row + kRowPanels, row_panels), column,
              least(column + across_panels, column_panels));
      }
      amx_kernels()->end();
    });
  }

  void tiles(i64 i0, i64 rows, i64 p, i64 depth, i64 row_begin, i64 row_end, i64 column_begin, i64 column_end) {
    const i64 panel = amx_panel_size(depth, source.parts), steps = ceil_div(depth, kAmxStep);
    const i64 column_panels = ceil_div(n, kAmxLanes);
    for (i64 column = column_begin; column < column_end; ++column) {
      for (i64 row = row_begin; row < row_end; ++row) {
        const i64 i = i0 + row * kAmxLanes, j = column * kAmxLanes, whole_row = i / kAmxLanes;
        const i64 height = least(kAmxLanes, rows - row * kAmxLanes), width = least(kAmxLanes, n - j);
        u8& is_plain = plain[whole_row * column_panels + column];
        is_plain |= !source.representable(range_a[whole_row], range_b[column]);
        if (__builtin_expect(is_plain, 0)) {
          source.without_tiles(i, first + j, p, height, width, depth, c + i * ldc + j, ldc, p > 0);
        } else {
          amx_kernels()->multiply(steps, source.parts, packed_a + row * panel, packed_b + column * panel,
                                c + i * ldc + j, ldc, height, width, p > 0);
        }
      }
    }
  }
};

template <class T>
bool packs(const Product<T>& g) {
  return (g.a_row == 1 || g.a_col == 1) && (g.b_row == 1 || g.b_col == 1) && !g.accumulate;
}

template <class Source>
void multiply_columns(const Source& source, float* c, i64 ldc, i64 first, i64 columns) {
  const i64 m = source.g.m, k = source.g.k;
  AmxBlocks<Source>{source, c, ldc, m, first, columns, k, nullptr, nullptr, nullptr, nullptr, nullptr}.run(
      m * columns * k >= kThreadedWork);
}

}  // namespace

bool suits_amx(const Product<float>& g) {
  return packs(g) && g.m >= 64 && g.n >= 32 && g.k >= 32 && g.m * g.n * g.k >= i64{1} << 20;
}
bool suits_amx(const Product<u16>& g) {
  return packs(g) && g.m >= 16 && g.n >= 16 && g.k >= 32 && g.m * g.n * g.k >= i64{1} << 17;
}

void gemm_amx(const Product<float>& g, int parts) {
  const FloatProduct source{g, parts};
  for (i64 j = 0; j < g.n; j += kBlockColumns) {
    multiply_columns(source, g.c + j, g.ldc, j, least(kBlockColumns, g.n - j));
  }
}

void gemm_amx(const Product<u16>& g) {
  constexpr i64 kRows = 4096;  // sums in float exist for so many rows at a time
  for (i64 j = 0; j < g.n; j += kBlockColumns) {
    const i64 n = least(kBlockColumns, g.n - j);
    for (i64 i = 0; i < g.m; i += kRows) {
      Product<u16> part = g;
      part.a += i * g.a_row;
      part.m = least(kRows, g.m - i);
      float* c = scratch<float>(Scratch::kAmxC, part.m * n);
      multiply_columns(HalfProduct{part}, c, n, j, n);
      parallel_for(part.m, part.m * n >= 64 * 1024 ? 64 : part.m, [&](i64 begin, i64 end) {
        for (i64 row = begin; row < end; ++row) {
          float_to_halves(DType::kBFloat16, c + row * n, n, g.c + (i + row) * g.ldc + j);
        }
      });
    }
  }
}

}  // namespace pyflame::cpu
