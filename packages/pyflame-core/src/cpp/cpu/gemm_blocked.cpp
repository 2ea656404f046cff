#include "cpu/gemm_blocked.h"

#include <algorithm>

#include "cpu/arithmetic.h"
#include "cpu/gemm_amx.h"
#include "cpu/precision.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kBlockRows = 1008, kBlockColumns = 2048;
template <class T>
constexpr i64 kBlockDepth = sizeof(T) == 4 ? 384 : 256;

// Rows this many bytes apart fall into few cache sets and evict each other.
template <class T>
bool aliases(i64 stride) {
  return stride * static_cast<i64>(sizeof(T)) % 1024 == 0;
}

// Columns per row of a packed panel: whole vectors where loads cannot be masked.
template <class T>
i64 packed_width(const ProductKernels<T>& kernels, i64 columns) {
  return kernels.masked ? columns : ceil_div(columns, kernels.width) * kernels.width;
}

template <class T>
TileKernel<T> tile_for(const ProductKernels<T>& kernels, bool unit_rows, i64 columns, i64 rows) {
  return kernels.tiles[unit_rows][columns > kernels.width][rows - 1];
}

// Small products: tiles straight on A, and on B where its rows are contiguous. One panel of B at most is packed.
template <class T>
void direct(const ProductKernels<T>& kernels, const Product<T>& g) {
  const i64 panel = 2 * kernels.width;
  const bool unit_rows = g.a_row == 1;
  const i64 a_step = unit_rows ? g.a_col : g.a_row;
  for (i64 j = 0; j < g.n; j += panel) {
    i64 columns = least(panel, g.n - j);
    const T* b = g.b + j * g.b_col;
    i64 b_step = g.b_row;
    int tail = static_cast<int>(columns > kernels.width ? columns - kernels.width : columns);
    if (g.b_col != 1 || (!kernels.masked && tail != kernels.width)) {
      T* packed = scratch<T>(Scratch::kPackedB, g.k * panel);
      b_step = packed_width(kernels, columns);
      kernels.pack(b, g.b_col, g.b_row, columns, g.k, b_step, packed);
      b = packed;
    }
    for (i64 i = 0; i < g.m; i += kernels.rows) {
      i64 rows = least(kernels.rows, g.m - i);
      tile_for(kernels, unit_rows, columns, rows)(g.k, g.a + i * g.a_row, a_step, b, b_step, g.c + i * g.ldc + j,
                                                  g.ldc, tail, g.accumulate);
    }
  }
}

// One block of K at a time: panels of A and B are packed (or left where they are when that reads well), then tiles.
template <class T>
struct Blocked {
  const ProductKernels<T>& kernels;
  const Product<T>& g;
  i64 panel, rows;                    // columns of a B panel, rows of an A panel
  bool direct_a, direct_b;
  i64 i0, m, j0, n, p0, k;            // the current block
  T *packed_a, *packed_b;
  bool accumulate;
  bool pack_b_late;                   // each panel of B meets A once: packed by its reader, just before

  void pack_a_panel(i64 i) const {
    i64 first = i * rows;
    kernels.pack(g.a + (i0 + first) * g.a_row + p0 * g.a_col, g.a_row, g.a_col, least(rows, m - first), k,
                 least(rows, m - first), packed_a + first * k);
  }
  void pack_b_panel(i64 j, T* to) const {
    i64 first = j * panel, columns = least(panel, n - first);
    kernels.pack(g.b + p0 * g.b_row + (j0 + first) * g.b_col, g.b_col, g.b_row, columns, k,
                 packed_width(kernels, columns), to);
  }
  void tiles(i64 row_begin, i64 row_end, i64 column_begin, i64 column_end) const {
    const bool unit_rows = !direct_a || g.a_row == 1;
    for (i64 j = column_begin; j < column_end; ++j) {
      i64 column = j * panel, columns = least(panel, n - column);
      int tail = static_cast<int>(columns > kernels.width ? columns - kernels.width : columns);
      T* own = pack_b_late ? scratch<T>(Scratch::kPackedB, panel * k) : nullptr;
      if (own) pack_b_panel(j, own);
      const T* b = own ? own : direct_b ? g.b + p0 * g.b_row + j0 + column : packed_b + column * k;
      i64 b_step = direct_b ? g.b_row : packed_width(kernels, columns);
      for (i64 i = row_begin; i < row_end; ++i) {
        i64 row = i * rows, count = least(rows, m - row);
        const T* a = direct_a ? g.a + (i0 + row) * g.a_row + p0 * g.a_col : packed_a + row * k;
        i64 a_step = !direct_a ? count : unit_rows ? g.a_col : g.a_row;
        tile_for(kernels, unit_rows, columns, count)(k, a, a_step, b, b_step, g.c + (i0 + row) * g.ldc + j0 + column,
                                                     g.ldc, tail, accumulate);
      }
    }
  }

  // While the sums of a task are in the caches.
  void finish(i64 row_begin, i64 row_end, i64 column_begin, i64 column_end) const {
    if (g.epilogue.empty()) return;
    const i64 offset = (i0 + row_begin) * g.ldc + j0 + column_begin;
    kernels.finish(g.c + offset, g.ldc, row_end - row_begin, column_end - column_begin,
                   g.epilogue.at(offset, j0 + column_begin));
  }

  void run(bool threaded) {
    for (j0 = 0; j0 < g.n; j0 += kBlockColumns) {
      n = least(kBlockColumns, g.n - j0);
      for (p0 = 0; p0 < g.k; p0 += k) {
        k = least(kBlockDepth<T>, g.k - p0);
        accumulate = g.accumulate || p0 > 0;
        for (i0 = 0; i0 < g.m; i0 += m) {
          m = least(kBlockRows / rows * rows, g.m - i0);
          block(threaded);
        }
      }
    }
  }
  void block(bool threaded) {
    i64 row_panels = ceil_div(m, rows), column_panels = ceil_div(n, panel);
    // Groups of tiles that keep their part of A in the second-level cache; smaller ones when there are too few.
    i64 group_rows = even_panel(row_panels, 10), group_columns = even_panel(column_panels, 8);
    const i64 down = ceil_div(row_panels, group_rows);
    i64 across = ceil_div(column_panels, group_columns);
    for (; threaded && group_columns > 1 && down * across < 6; across = ceil_div(column_panels, group_columns)) {
      group_columns = ceil_div(group_columns, 2);
    }
    pack_b_late = !direct_b && g.m == m && down == 1;
    i64 pack_b_count = direct_b || pack_b_late || i0 > 0 ? 0 : column_panels, pack_a_count = direct_a ? 0 : row_panels;
    if (pack_a_count) packed_a = scratch<T>(Scratch::kPackedA, m * k);
    if (pack_b_count) packed_b = scratch<T>(Scratch::kPackedB, column_panels * panel * k);
    i64 packs = pack_a_count + pack_b_count;
    parallel_for(packs, threaded ? 4 : packs, [&](i64 begin, i64 end) {
      for (i64 i = begin; i < end; ++i) {
        i < pack_b_count ? pack_b_panel(i, packed_b + i * panel * k) : pack_a_panel(i - pack_b_count);
      }
    });
    const i64 tasks = across * down;
    parallel_for(tasks, threaded ? 1 : tasks, [&](i64 begin, i64 end) {
      for (i64 task = begin; task < end; ++task) {
        i64 row = task / across * group_rows, column = task % across * group_columns;
        tiles(row, least(row + group_rows, row_panels), column, least(column + group_columns, column_panels));
        if (p0 + k == g.k) finish(row * rows, least((row + group_rows) * rows, m), column * panel,
                                  least((column + group_columns) * panel, n));
      }
    });
  }
};

template <class T>
void blocked(const ProductKernels<T>& kernels, const Product<T>& g, bool threaded) {
  const i64 panel = 2 * kernels.width;
  bool direct_a = (g.a_row == 1 || g.a_col == 1) && g.n <= 512 && g.m * g.k <= 128 * 1024 &&
                  !aliases<T>(g.a_row == 1 ? g.a_col : g.a_row);
  bool b_fits = g.n * g.k * static_cast<i64>(sizeof(T)) <= (512 << 10) && !aliases<T>(g.b_row);
  bool direct_b = g.b_col == 1 && (kernels.masked || g.n % kernels.width == 0) && (g.m <= 2 * kernels.rows || b_fits);
  Blocked<T> blocks{kernels, g, panel, even_panel(g.m, kernels.rows), direct_a, direct_b, 0, 0, 0, 0, 0, 0,
                    nullptr, nullptr, false, false};
  blocks.run(threaded);
}

template <class T>
Product<T> part_of(const Product<T>& g, i64 row, i64 rows, i64 column, i64 columns) {
  Product<T> part = g;
  part.m = rows, part.n = columns;
  part.a += row * g.a_row;
  part.b += column * g.b_col;
  part.c += row * g.ldc + column;
  return part;
}

// An element's sum is the same in whatever part it is computed.
template <class T>
void stream(const ProductKernels<T>& kernels, const Product<T>& g, bool threaded) {
  if (!threaded) return kernels.stream(g);
  if (g.m > g.n) {
    parallel_for(g.m, even_panel(g.m, 64), [&](i64 begin, i64 end) {
      kernels.stream(part_of(g, begin, end - begin, 0, g.n));
    });
  } else {
    parallel_for(g.n, 512, [&](i64 begin, i64 end) { kernels.stream(part_of(g, 0, g.m, begin, end - begin)); });
  }
}

// Few rows of A do not repay packing B; some more do not either where B comes from far away.
template <class T>
bool has_few_rows(const Product<T>& g) {
  constexpr i64 kFewRows = 16, kLargeB = 1 << 20;
  return g.m <= kFewRows || (g.m <= kMaxStreamRows && g.n * g.k * static_cast<i64>(sizeof(T)) >= kLargeB);
}

// Dot products use whole vectors along K but pay for adding up their lanes.
template <class T>
bool prefers_dots(const Product<T>& g) {
  if (g.b_row != 1 || (g.b_col == 1 && g.n > 1) || g.a_col != 1) return false;
  return g.m == 1 || (has_few_rows(g) && 8 * g.m <= g.k) || (g.n <= 12 && g.k >= 64);
}

template <class T>
void dots(const ProductKernels<T>& kernels, Product<T> g, bool threaded) {
  i64 c_col = 1;
  if (g.m > kMaxStreamRows) {  // few columns: the transposed product
    c_col = g.ldc;
    g = Product<T>{g.n, g.m, g.k, g.b, g.b_col, 1, g.a, 1, g.a_row, g.c, 1, g.accumulate};
  }
  if (g.m > 1 && g.k > kDotDepth<T>) {  // rows that lie far apart would meet in few cache sets
    T* packed = scratch<T>(Scratch::kPackedA, ceil_div(g.k, kDotDepth<T>) * kDotDepth<T> * g.m);
    for (i64 p = 0; p < g.k; p += kDotDepth<T>) {
      for (i64 i = 0; i < g.m; ++i) {
        std::copy_n(g.a + i * g.a_row + p, least(kDotDepth<T>, g.k - p), packed + p * g.m + i * kDotDepth<T>);
      }
    }
    g.a = packed, g.a_row = kDotDepth<T>, g.a_col = g.m;
  }
  parallel_for(g.n, threaded ? 72 : g.n, [&](i64 begin, i64 end) {
    Product<T> part = g;
    part.n = end - begin;
    part.b += begin * g.b_col;
    part.c += begin * c_col;
    kernels.dots(part, c_col);
  });
}

template <class T>
void zero_rows(const Product<T>& g) {
  for (i64 i = 0; i < g.m; ++i) {
    for (i64 j = 0; j < g.n; ++j) g.c[i * g.ldc + j] = T(0);
  }
}

template <class T>
void finish_rows(const Product<T>& g, bool threaded) {
  if (g.epilogue.empty()) return;
  parallel_for(g.m, threaded ? 32 * 1024 / g.n + 1 : g.m, [&](i64 begin, i64 end) {
    const i64 offset = begin * g.ldc;
    product_kernels<T>().finish(g.c + offset, g.ldc, end - begin, g.n, g.epilogue.at(offset, 0));
  });
}

}  // namespace

template <class T>
void gemm(Product<T> g, Buffer* weight) {
  if constexpr (sizeof(T) == sizeof(float)) {
    const int parts = suits_amx(g) ? amx_float_parts() : 0;
    if (parts) return gemm_amx(g, parts, weight);
  }
  gemm_plain(g);
}

template <class T>
void gemm_plain(Product<T> g) {
  if (g.m == 0 || g.n == 0) return;
  const Product<T> whole = g;
  if (g.k == 0) {
    if (!g.accumulate) zero_rows(g);
    return finish_rows(whole, false);
  }
  if (g.n == 1 && g.m > 1 && g.ldc == 1) {  // a matrix times a vector is a row times the transposed matrix
    g = Product<T>{1, g.m, g.k, g.b, g.b_col, g.b_row, g.a, g.a_col, g.a_row, g.c, g.m, g.accumulate};
  }
  if (g.n == 1) g.b_col = 1;
  if (g.k == 1) g.a_col = 1;
  if (g.m == 1) g.a_row = 1;
  const ProductKernels<T>& kernels = product_kernels<T>();
  const i64 work = g.m * g.n * g.k;
  const bool threaded = work >= kThreadedWork;
  if (prefers_dots(g)) {
    dots(kernels, g, threaded);
  } else if (has_few_rows(g) && g.b_col == 1 && g.n * g.k >= 32 * 1024) {
    stream(kernels, g, threaded);
  } else if (work <= 128 * 1024 && g.k <= 1024 && (g.a_row == 1 || g.a_col == 1)) {
    direct(kernels, g);
  } else {
    blocked(kernels, g, threaded);
    if (!g.epilogue.empty()) return;  // it finishes blocks of C itself
  }
  finish_rows(whole, threaded);
}

template <class T>
void pack_rows(const T* a, i64 a_row, i64 a_col, i64 m, i64 k, i64 rows, T* packed) {
  const ProductKernels<T>& kernels = product_kernels<T>();
  for (i64 i = 0; i < m; i += rows) {
    i64 count = least(rows, m - i);
    kernels.pack(a + i * a_row, a_row, a_col, count, k, count, packed + i * k);
  }
}

#define PYFLAME_INSTANTIATE(T)                                                                                \
  template void gemm<T>(Product<T>, Buffer*);                                                                \
  template void gemm_plain<T>(Product<T>);                                                                   \
  template void pack_rows<T>(const T*, i64, i64, i64, i64, i64, T*);
PYFLAME_INSTANTIATE(float)
PYFLAME_INSTANTIATE(double)
#undef PYFLAME_INSTANTIATE

}  // namespace pyflame::cpu
