// The loops around the tile unit's kernels: blocks of K and of rows, whose panels are packed first and then multiplied.
#pragma once
#include "cpu/amx_kernels.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

// B, packed whole: blocks of K, and in each the panels of all its columns.
struct AmxColumns {
  u16* panels;
  AmxRange* ranges;
  i64 all_panels, first;  // of all columns; where a product of some of them begins
};

// What a product is made of. `Source` has
//   parts               of each number
//   kDepth              K of a block, a multiple of kAmxStep
//   pack(is_a, lane, p, lanes, k, out, range)   lanes of A's rows or B's columns, from K = p on
//   along_k(is_a)       whether K is contiguous in A (or B)
//   representable(a, b) whether panels with these ranges may meet on the unit
//   without_tiles(i, j, p, m, n, k, c, ldc, accumulate)
//   sums(), sums_row()  where sums wait between blocks of K; nullptr if K is one block and nothing has to wait
//   kInPlace            whether sums are the result once complete
//   past_caches()       whether finish stores the result past the caches
//   has_epilogue()      whether finish does more than store
//   finish(i, j, sums, sums_row, rows, columns, plain)   gives complete sums to the result
// Columns of B are those of the source: the engine knows nothing of what lies around them.
template <class Source>
class AmxBlocks {
 public:
  AmxBlocks(const Source& source, i64 m, i64 n, i64 k)
      : source_(source), m_(m), n_(n), k_(k), row_panels_(panels(m)), column_panels_(panels(n)),
        depth_(least(Source::kDepth, k)), panel_(amx_panel_size(depth_, source.parts)),
        group_(most(1, least(kMostRowPanels, kGroupBytes / (2 * panel_)))) {}

  AmxColumns columns(u16* panels, AmxRange* ranges) const { return {panels, ranges, column_panels_, 0}; }
  i64 columns_size() const { return column_panels_ * amx_panel_size(k_, source_.parts); }
  i64 columns_ranges() const { return column_panels_ * ((k_ + depth_ - 1) / depth_); }
  void pack_columns(const AmxColumns& columns, bool threaded) {
    threaded_ = threaded;
    for (p_ = 0; p_ < k_; p_ += depth_) {
      begin_depth();
      use_columns(columns);
      pack(false, 0, column_panels_);
    }
  }

  // `columns`: as pack_columns has left them, or nullptr.
  void run(bool threaded, const AmxColumns* columns = nullptr) {
    threaded_ = threaded;
    // One thread multiplies what it has just packed; several share more of it.
    const i64 block_rows = least(row_panels_, threaded && num_threads() > 1 ? kBlockRows / group_ * group_ : group_);
    if (!columns) packed_b_ = scratch<u16>(Scratch::kAmxB, column_panels_ * panel_);
    packed_a_ = scratch<u16>(Scratch::kAmxA, block_rows * panel_);
    const i64 ranges = row_panels_ + column_panels_, tiles = row_panels_ * column_panels_;
    u8* state = scratch<u8>(Scratch::kAmxState, ranges * static_cast<i64>(sizeof(AmxRange)) + tiles);
    range_a_ = reinterpret_cast<AmxRange*>(state);
    range_b_ = range_a_ + row_panels_;
    plain_ = state + ranges * static_cast<i64>(sizeof(AmxRange));
    for (i64 i = 0; i < tiles; ++i) plain_[i] = 0;
    sums_ = source_.sums();
    for (p_ = 0; p_ < k_; p_ += depth_) {
      begin_depth();
      columns ? use_columns(*columns) : pack(false, 0, column_panels_);
      for (first_row_ = 0; first_row_ < row_panels_; first_row_ += block_rows) {
        const i64 rows = least(block_rows, row_panels_ - first_row_);
        pack(true, first_row_, rows);
        multiply(rows);
      }
    }
  }

 private:
  static constexpr i64 kBlockRows = 32, kMostRowPanels = 32;
  static constexpr i64 kGroupBytes = 768 << 10;  // panels of A that one task holds in the second-level cache
  // Panels: neighbouring lanes share cache lines and pages, the more so where K is not contiguous.
  static constexpr i64 kPackedTogether = 4, kPackedAcross = 8;

  static i64 least(i64 a, i64 b) { return a < b ? a : b; }
  static i64 most(i64 a, i64 b) { return a > b ? a : b; }
  static i64 panels(i64 size) { return (size + kAmxLanes - 1) / kAmxLanes; }

  void begin_depth() {
    block_depth_ = least(depth_, k_ - p_);
    steps_ = panels(block_depth_);
    panel_ = amx_panel_size(block_depth_, source_.parts);
  }
  void use_columns(const AmxColumns& columns) {
    packed_b_ = columns.panels + p_ / kAmxStep * amx_step_size(source_.parts) * columns.all_panels + columns.first * panel_;
    range_b_ = columns.ranges + p_ / depth_ * columns.all_panels + columns.first;
  }

  void pack(bool is_a, i64 first, i64 count) {
    const i64 together = source_.along_k(is_a) ? kPackedTogether : kPackedAcross;
    const i64 tasks = (count + together - 1) / together, lanes = is_a ? m_ : n_;
    AmxRange* ranges = is_a ? range_a_ : range_b_;
    u16* packed = is_a ? packed_a_ : packed_b_;
    const i64 stretch = source_.along_k(is_a) ? block_depth_ : kAmxStep;
    parallel_for(tasks, threaded_ ? 1 : tasks, [&](i64 begin, i64 end) {
      for (i64 task = begin; task < end; ++task) {
        const i64 from = task * together, to = least(from + together, count);
        for (i64 i = from; i < to; ++i) ranges[first + i] = AmxRange{};
        for (i64 q = 0; q < block_depth_; q += stretch) {
          for (i64 i = from; i < to; ++i) {
            const i64 lane = (first + i) * kAmxLanes;
            source_.pack(is_a, lane, p_ + q, least(kAmxLanes, lanes - lane), least(stretch, block_depth_ - q),
                         packed + i * panel_ + q / kAmxStep * amx_step_size(source_.parts), &ranges[first + i]);
          }
        }
      }
    });
  }

  void multiply(i64 rows) {
    const i64 down = (rows + group_ - 1) / group_, across_panels = threaded_ ? 8 : column_panels_;
    const i64 across = (column_panels_ + across_panels - 1) / across_panels, tasks = down * across;
    parallel_for(tasks, threaded_ ? 1 : tasks, [&](i64 begin, i64 end) {
      amx_kernels()->begin();
      for (i64 task = begin; task < end; ++task) {
        const i64 row = task / across * group_, column = task % across * across_panels;
        group(row, least(row + group_, rows), column, least(column + across_panels, column_panels_));
      }
      amx_kernels()->end();
    });
  }

  // While a column of tiles is computed, the panel of B for the next is fetched, a piece with each tile.
  void group(i64 row_begin, i64 row_end, i64 column_begin, i64 column_end) {
    const i64 rows = row_end - row_begin, step_lines = amx_step_size(source_.parts) / 32;
    const i64 lines = (step_lines + rows - 1) / rows;
    for (i64 column = column_begin; column < column_end; ++column) {
      const u16* next = packed_b_ + (column + 1 < column_end ? column + 1 : column_begin) * panel_;
      for (i64 row = row_begin; row < row_end; ++row) {
        tile(row, column, AmxAhead{next + (row - row_begin) * lines * steps_ * 32, lines});
      }
    }
  }

  void tile(i64 row, i64 column, AmxAhead ahead) {
    const i64 whole_row = first_row_ + row, i = whole_row * kAmxLanes, j = column * kAmxLanes;
    const i64 height = least(kAmxLanes, m_ - i), width = least(kAmxLanes, n_ - j);
    const bool first = p_ == 0, last = p_ + block_depth_ == k_;
    float *kept = sums_ ? sums_ + i * source_.sums_row() + j : nullptr, *to = kept;
    i64 to_row = source_.sums_row();
    alignas(64) float block[kAmxLanes * kAmxLanes];
    const bool aside =
        !kept || height < kAmxLanes || width < kAmxLanes ||
        (first && last && (source_.past_caches() || source_.has_epilogue()));
    if (aside) {
      if (!first) copy(to, to_row, height, width, block, kAmxLanes);
      to = block, to_row = kAmxLanes;
    }
    // What a block computes without the unit, later ones leave to plain arithmetic too: the unit would flush it.
    u8& plain = plain_[whole_row * column_panels_ + column];
    plain |= !source_.representable(range_a_[whole_row], range_b_[column]);
    if (__builtin_expect(plain, 0)) {
      source_.without_tiles(i, j, p_, height, width, block_depth_, to, to_row, !first);
    } else {
      amx_kernels()->multiply(steps_, source_.parts, packed_a_ + row * panel_, packed_b_ + column * panel_, to, to_row,
                              !first, ahead);
    }
    if (last && (aside || !Source::kInPlace || source_.has_epilogue())) return source_.finish(i, j, to, to_row, height, width, plain != 0);
    if (!last && aside) copy(block, kAmxLanes, height, width, kept, source_.sums_row());
  }

  static void copy(const float* from, i64 from_row, i64 rows, i64 columns, float* to, i64 to_row) {
    for (i64 i = 0; i < rows; ++i) {
      for (i64 j = 0; j < columns; ++j) to[i * to_row + j] = from[i * from_row + j];
    }
  }

  const Source& source_;
  const i64 m_, n_, k_, row_panels_, column_panels_, depth_;
  i64 panel_;  // numbers in one, of the current block
  const i64 group_;
  bool threaded_ = false;
  i64 p_ = 0, block_depth_ = 0, steps_ = 0, first_row_ = 0;  // the current block
  u16 *packed_a_ = nullptr, *packed_b_ = nullptr;
  AmxRange *range_a_ = nullptr, *range_b_ = nullptr;
  u8* plain_ = nullptr;
  float* sums_ = nullptr;
};

}  // namespace pyflame::cpu
