#include "cpu/gemm_amx.h"

#include "cpu/arithmetic.h"
#include "cpu/gemm_amx_blocks.h"
#include "cpu/gemm_blocked.h"
#include "cpu/half.h"
#include "cpu/packed_weights.h"

namespace pyflame::cpu {

namespace {

int exponent(u32 bits) { return static_cast<int>(bits >> 23) - 127; }
bool empty(const AmxRange& range) { return range.low == ~0u; }

template <class T>
const T* at_a(const Product<T>& g, i64 i, i64 p) {
  return g.a + i * g.a_row + p * g.a_col;
}
template <class T>
const T* at_b(const Product<T>& g, i64 p, i64 j) {
  return g.b + p * g.b_row + j * g.b_col;
}

// Numbers of a result that no cache near the core would hold until they are read.
constexpr i64 kPastCaches = 1 << 20;

// A product of floats, split into parts.
struct FloatProduct {
  const Product<float>& g;
  int parts;
  static constexpr i64 kDepth = 512;
  static constexpr bool kInPlace = true;

  bool along_k(bool is_a) const { return (is_a ? g.a_col : g.b_row) == 1; }
  void pack(bool is_a, i64 lane, i64 p, i64 lanes, i64 k, u16* out, AmxRange* range) const {
    if (is_a) return amx_kernels()->pack_floats(at_a(g, lane, p), g.a_row, g.a_col, lanes, k, parts, false, out, range);
    amx_kernels()->pack_floats(at_b(g, p, lane), g.b_col, g.b_row, lanes, k, parts, true, out, range);
  }
  bool representable(const AmxRange& a, const AmxRange& b) const { return float_parts_suit(a, b, g.k); }
  void without_tiles(i64 i, i64 j, i64 p, i64 m, i64 n, i64 k, float* c, i64 ldc, bool accumulate) const {
    gemm_plain(Product<float>{m, n, k, at_a(g, i, p), g.a_row, g.a_col, at_b(g, p, j), g.b_row, g.b_col, c, ldc, accumulate});
  }
  float* sums() const { return g.c; }
  i64 sums_row() const { return g.ldc; }
  bool past_caches() const { return g.m * g.n >= kPastCaches; }
  bool has_epilogue() const { return !g.epilogue.empty(); }
  void finish(i64 i, i64 j, const float* sums, i64 sums_row, i64 rows, i64 columns, bool) const {
    i64 places[kAmxLanes];
    for (i64 row = 0; row < kAmxLanes; ++row) places[row] = row < rows ? row * g.ldc : -1;
    const ProductEpilogue<float> e = g.epilogue.at(i * g.ldc + j, j);
    const bool past = past_caches() && sums != g.c + i * g.ldc + j;
    amx_kernels()->finish(sums, sums_row, {nullptr, e.bias, e.residual, g.c + i * g.ldc + j, e.relu, columns, 1, places, past});
  }
};

// A product of bfloat16 numbers as they are.
struct HalfProduct {
  const Product<u16>& g;
  static constexpr int parts = 1;
  static constexpr i64 kDepth = 2048;
  static constexpr bool kInPlace = false;

  bool along_k(bool is_a) const { return (is_a ? g.a_col : g.b_row) == 1; }
  void pack(bool is_a, i64 lane, i64 p, i64 lanes, i64 k, u16* out, AmxRange* range) const {
    if (is_a) return amx_kernels()->pack_bfloat16(at_a(g, lane, p), g.a_row, g.a_col, lanes, k, false, out, range);
    amx_kernels()->pack_bfloat16(at_b(g, p, lane), g.b_col, g.b_row, lanes, k, true, out, range);
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
    widen(at_a(g, i, p), g.a_row, g.a_col, m, k, a);
    widen(at_b(g, p, j), g.b_row, g.b_col, k, n, b);
    gemm_plain(Product<float>{m, n, k, a, k, 1, b, n, 1, c, ldc, accumulate});
  }
  static void widen(const u16* in, i64 row, i64 column, i64 rows, i64 columns, float* out) {
    for (i64 i = 0; i < rows; ++i) {
      for (i64 j = 0; j < columns; ++j) halves_to_float(DType::kBFloat16, in + i * row + j * column, 1, out + i * columns + j);
    }
  }
  // Of whole tiles.
  i64 sums_row() const { return (g.n + kAmxLanes - 1) / kAmxLanes * kAmxLanes; }
  float* sums() const {
    const i64 rows = (g.m + kAmxLanes - 1) / kAmxLanes * kAmxLanes;
    return g.k > kDepth ? scratch<float>(Scratch::kAmxC, rows * sums_row()) : nullptr;
  }
  bool past_caches() const { return g.m * g.n >= kPastCaches; }
  static constexpr bool has_epilogue() { return false; }
  void finish(i64 i, i64 j, const float* sums, i64 sums_row, i64 rows, i64 columns, bool plain) const {
    u16* out = g.c + i * g.ldc + j;
    if (!plain) return amx_kernels()->narrow(sums, sums_row, rows, columns, out, g.ldc, past_caches());
    for (i64 row = 0; row < rows; ++row) float_to_halves(DType::kBFloat16, sums + row * sums_row, columns, out + row * g.ldc);
  }
};

template <class T>
bool packs(const Product<T>& g) {
  return (g.a_row == 1 || g.a_col == 1) && (g.b_row == 1 || g.b_col == 1) && !g.accumulate;
}

// Products of more rows repay packing each time.
constexpr i64 kMostKeptRows = 2048;
constexpr i64 kColumns = 2048, kKeptColumns = 4096;  // multiplied together
// Columns that few rows meet soon after packing are still in the second-level cache then; several threads share more.
constexpr i64 kFewRows = 128, kColumnsOfFewRows = 256;

template <class T>
WeightKey weight_key(const Product<T>& g, int parts) {
  return {g.b, WeightKey::User::kProduct, {g.k, g.n, g.b_row, g.b_col, parts, static_cast<i64>(sizeof(T))}};
}

// The product cut into rows and columns whose packed panels and waiting sums need bounded memory.
template <class Source, class T, class... Rest>
void by_parts(const Product<T>& g, i64 rows, Buffer* weight, const Rest&... rest) {
  const auto threaded = [](const Product<T>& part) { return part.m * part.n * part.k >= kThreadedWork; };
  AmxColumns all{};
  i64 columns = g.m <= kFewRows && num_threads() == 1 ? kColumnsOfFewRows : kColumns;
  if (weight && g.m <= kMostKeptRows) {
    const Source source{g, rest...};
    AmxBlocks<Source> blocks(source, g.m, g.n, g.k);
    bool fresh;
    if (PackedWeights* kept = kept_weights(weight, weight_key(g, source.parts), blocks.columns_size(), blocks.columns_ranges(),
                                           "matmul", &fresh)) {
      all = blocks.columns(kept->panels, kept->ranges);
      if (fresh) blocks.pack_columns(all, threaded(g));
      columns = kKeptColumns;
    }
  }
  for (i64 j = 0; j < g.n; j += columns) {
    all.first = j / kAmxLanes;
    for (i64 i = 0; i < g.m; i += rows) {
      Product<T> part = g;
      part.m = least(rows, g.m - i), part.n = least(columns, g.n - j);
      part.a += i * g.a_row;
      part.b += j * g.b_col;
      part.c += i * g.ldc + j;
      part.epilogue = g.epilogue.at(i * g.ldc + j, j);
      const Source source{part, rest...};
      AmxBlocks<Source>(source, part.m, part.n, part.k).run(threaded(part), all.panels ? &all : nullptr);
    }
  }
}

}  // namespace

bool float_parts_suit(const AmxRange& a, const AmxRange& b, i64 depth) {
  if (a.high >= 0x7f000000 || b.high >= 0x7f000000) return false;
  if (empty(a) || empty(b)) return true;
  int low_a = exponent(a.low), low_b = exponent(b.low), bits = 1;
  while ((i64{1} << bits) < depth) ++bits;
  return low_a >= -102 && low_b >= -102 && low_a + low_b >= -96 && exponent(a.high) + exponent(b.high) + bits <= 124;
}

bool suits_amx(const Product<float>& g) {
  // Where columns of B are contiguous, other kernels pack B too, and at a higher cost.
  const i64 least_rows = g.b_row == 1 ? 32 : 64;
  return packs(g) && g.m >= least_rows && g.n >= 32 && g.k >= 32 && g.m * g.n * g.k >= i64{1} << 20;
}
bool suits_amx(const Product<u16>& g) {
  return packs(g) && g.m >= 16 && g.n >= 16 && g.k >= 32 && g.m * g.n * g.k >= i64{1} << 17;
}

void gemm_amx(const Product<float>& g, int parts, Buffer* weight) { by_parts<FloatProduct>(g, g.m, weight, parts); }
void gemm_amx(const Product<u16>& g, Buffer* weight) { by_parts<HalfProduct>(g, 4096, weight); }

}  // namespace pyflame::cpu
