#include "cpu/chain_reduce.h"

#include <vector>

#include "cpu/chain_run.h"
#include "cpu/threads.h"
#include "cpu/tile_fold.h"

namespace pyflame::cpu {

namespace {

class ChainReduction {
 public:
  ChainReduction(const ChainRun& run, const TileFold& fold, DType dtype, i64 length)
      : run_(run), fold_(fold), width_(class_size(class_of(dtype))), length_(length) {}

  // The parts are those of Reduction in cpu/reduce.cpp: the order of additions is the same.
  void run(i64 rows) const {
    if (rows * length_ <= kSerialFold) return fold_rows(0, rows);
    if (rows >= 8 || length_ <= kFoldPart) {
      const i64 grain = kSerialFold / length_;
      parallel_for(rows, grain < 1 ? 1 : grain, [this](i64 begin, i64 end) { fold_rows(begin, end); });
    } else {
      for (i64 row = 0; row < rows; ++row) fold_split(row);
    }
  }

 private:
  void fold_rows(i64 begin, i64 end) const {
    ChainWorker worker(run_);
    const i64 together = length_ < kTile ? kTile / length_ : 1;  // short rows share a tile
    for (i64 row = begin; row < end; row += together) {
      const i64 count = end - row < together ? end - row : together;
      const char* tile = count > 1 ? worker.read(row * length_, count * length_) : nullptr;
      for (i64 k = 0; k < count; ++k) {
        Accumulator acc = fold_.kernels().start;
        if (tile) {
          fold_.add(&acc, tile + k * length_ * width_, length_);
        } else {
          fold_range(worker, acc, row * length_, (row + 1) * length_);
        }
        fold_.store(acc, row + k, length_);
      }
    }
  }

  void fold_split(i64 row) const {
    const i64 parts = (length_ + kFoldPart - 1) / kFoldPart;
    std::vector<Accumulator> partial(static_cast<std::size_t>(parts));
    parallel_for(parts, 1, [&](i64 begin, i64 end) {
      ChainWorker worker(run_);
      for (i64 part = begin; part < end; ++part) {
        const i64 first = part * kFoldPart, last = first + kFoldPart < length_ ? first + kFoldPart : length_;
        Accumulator& acc = partial[static_cast<std::size_t>(part)] = fold_.kernels().start;
        fold_range(worker, acc, row * length_ + first, row * length_ + last);
      }
    });
    for (std::size_t part = 1; part < partial.size(); ++part) fold_.kernels().merge(partial.data(), &partial[part], 1);
    fold_.store(partial[0], row, length_);
  }

  void fold_range(ChainWorker& worker, Accumulator& acc, i64 begin, i64 end) const {
    for (i64 at = begin; at < end; at += kTile) {
      const i64 count = end - at < kTile ? end - at : kTile;
      fold_.add(&acc, worker.read(at, count), count);
    }
  }

  const ChainRun& run_;
  const TileFold& fold_;
  const i64 width_, length_;
};

}  // namespace

void reduce_chain(const TileProgram& program, const Shape& shape, const View* inputs, const u64* params,
                  void* const* outputs, int folded, ReduceOp op, i64 length, const View& out) {
  const DType dtype = program.out_dtypes[static_cast<std::size_t>(folded)];
  const ChainRun run(program, shape, inputs, params, outputs, folded);
  const TileFold fold(op, dtype, out);
  ChainReduction(run, fold, dtype, length).run(shape.numel() / length);
}

}  // namespace pyflame::cpu
