#include "cpu/index.h"

#include <cstring>
#include <vector>

#include "cpu/copy_bytes.h"
#include "cpu/copy_kernels.h"
#include "cpu/index_take_kernels.h"
#include "cpu/index_walk.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kThreadedBytes = 64 * 1024;

// Moves need the element size only. `known`: indices are offsets, checked before.
template <bool known, class T>
void move_runs(const IndexWalk& walk, const T* in, const i64* index, T* out) {
  const IndexTakeKernels& kernels = active_index_take_kernels();
  const i64 n = walk.run(), runs = walk.runs();
  const i64 in_step = walk.big_step(), index_step = walk.index_step(), out_step = walk.small_step();
  auto place = [&](i64 value) { return known ? value : walk.checked(value); };
  auto body = [&](i64 begin, i64 end) {
    walk.each_run(begin, end, [&](i64 in_at, i64 index_at, i64 out_at) {
      const i64* at = index + index_at;
      T* to = out + out_at;
      const T* from = in + in_at;
      if (index_step == 0) {  // the whole run comes from one place
        from += place(*at);
        if (in_step == 1 && out_step == 1) {
          std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
        } else {
          for (i64 j = 0; j < n; ++j) to[j * out_step] = from[j * in_step];
        }
      } else if (index_step == 1 && out_step == 1 && (known || kernels.within(at, n, walk.size))) {
        kernels.take[log_size(sizeof(T))]({n, to, from, in_step, at, known ? 1 : walk.dim_stride});
      } else {
        for (i64 j = 0; j < n; ++j) to[j * out_step] = from[j * in_step + place(at[j * index_step])];
      }
    });
  };
  parallel_for(runs, runs * n >= kThreadedElements ? kThreadedElements / 4 / n + 1 : runs, body);
}

template <bool known>
void move(const IndexWalk& walk, const View& in, const View& index, const View& out) {
  const i64* values = index.as<i64>();
  switch (dtype_size(in.dtype)) {
    case 1: return move_runs<known>(walk, in.as<u8>(), values, out.as<u8>());
    case 2: return move_runs<known>(walk, in.as<u16>(), values, out.as<u16>());
    case 4: return move_runs<known>(walk, in.as<u32>(), values, out.as<u32>());
    default: return move_runs<known>(walk, in.as<u64>(), values, out.as<u64>());
  }
}

// A stretch of the result of index_select that lies in one piece in its operand, in bytes.
struct Piece {
  i64 from, to, bytes;
};
constexpr i64 kShortest = 16;  // bytes of a piece on average; below, elements are read one by one

// Neighbours that follow each other in the operand are one piece: padding by reflection is a copy of the inside and of a
// few elements around it. Offsets count elements of `size` bytes. Empty where pieces are short.
std::vector<Piece> pieces_of(const std::vector<i64>& offsets, i64 size, i64 block) {
  auto follows = [&](std::size_t i) { return i > 0 && offsets[i] * size == offsets[i - 1] * size + block; };
  i64 number = 0;
  for (std::size_t i = 0; i < offsets.size(); ++i) number += !follows(i);
  std::vector<Piece> pieces;
  if (static_cast<i64>(offsets.size()) * block < kShortest * number) return pieces;
  pieces.reserve(static_cast<std::size_t>(number));
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    if (follows(i)) pieces.back().bytes += block;
    else pieces.push_back({offsets[i] * size, static_cast<i64>(i) * block, block});
  }
  return pieces;
}

// Where the slices that a 1-d index names begin, in elements.
std::vector<i64> offsets_of(const View& in, int dim, const View& index, const View& out) {
  const IndexWalk check("index_select", in, dim, spread_index(index, out.shape, dim), out, true);
  std::vector<i64> offsets(static_cast<std::size_t>(index.numel()));
  for (i64 i = 0; i < index.numel(); ++i) {
    offsets[static_cast<std::size_t>(i)] = check.checked(index.as<i64>()[i * (index.shape.ndim ? index.strides[0] : 0)]);
  }
  return offsets;
}

i64 bytes_after(const Shape& shape, int dim, DType dtype) {
  i64 bytes = dtype_size(dtype);
  for (int d = dim + 1; d < shape.ndim; ++d) bytes *= shape[d];
  return bytes;
}

// False where elements are to be read one by one.
bool move_pieces(const View& in, int dim, const std::vector<i64>& offsets, const View& out) {
  if (!in.contiguous() || !out.contiguous()) return false;
  const i64 block = bytes_after(out.shape, dim, out.dtype);
  const std::vector<Piece> pieces = pieces_of(offsets, dtype_size(out.dtype), block);
  if (pieces.empty()) return false;
  const i64 in_step = in.shape[dim] * block, out_step = out.shape[dim] * block;
  const i64 number = static_cast<i64>(pieces.size()), total = out.numel() * dtype_size(out.dtype) / out_step * number;
  const char* source = in.as<char>();
  char* target = out.as<char>();
  parallel_for(total, kThreadedBytes * number / out_step + 1, [&](i64 begin, i64 end) {
    i64 line = begin / number, k = begin % number;
    for (i64 i = begin; i < end; ++i) {
      const Piece& piece = pieces[static_cast<std::size_t>(k)];
      copy_bytes(target + line * out_step + piece.to, source + line * in_step + piece.from, piece.bytes);
      if (++k == number) k = 0, ++line;
    }
  });
  return true;
}

}  // namespace

void gather(const View& in, int dim, const View& index, const View& out) {
  move<false>(IndexWalk("gather", in, dim, index, out, false), in, index, out);
}

void index_select(const View& in, int dim, const View& index, const View& out) {
  std::vector<i64> offsets = offsets_of(in, dim, index, out);
  if (out.numel() == 0 || move_pieces(in, dim, offsets, out)) return;
  const View known{offsets.data(), index.dtype, index.shape, index.shape.ndim ? Shape{1} : Shape()};
  const View spread = spread_index(known, out.shape, dim);
  move<true>(IndexWalk("index_select", in, dim, spread, out, true), in, spread, out);
}

void index_select_plane(const View& in, int dim, const View& index, const View& next, const View& out) {
  const i64 size = dtype_size(out.dtype), block = bytes_after(out.shape, dim + 1, out.dtype);
  const i64 in_row = in.shape[dim + 1] * block, out_row = out.shape[dim + 1] * block;
  const std::vector<i64> rows = offsets_of(in, dim, index, out), places = offsets_of(in, dim + 1, next, out);
  if (out.numel() == 0) return;
  const std::vector<Piece> pieces = pieces_of(places, size, block);
  std::vector<i64> elements;
  for (std::size_t i = 0; pieces.empty() && i < places.size(); ++i) {
    for (i64 within = 0; within < block / size; ++within) elements.push_back(places[i] + within);
  }
  const auto take = active_index_take_kernels().take[log_size(size)];
  const i64 count = out.shape[dim], plane = in.shape[dim] * in_row;
  const char* source = in.as<char>();
  char* target = out.as<char>();
  parallel_for(out.numel() * size / out_row, kThreadedBytes / out_row + 1, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      const char* from = source + i / count * plane + rows[static_cast<std::size_t>(i % count)] * size;
      char* to = target + i * out_row;
      if (pieces.empty()) take({out_row / size, to, from, 0, elements.data(), 1});
      for (const Piece& piece : pieces) copy_bytes(to + piece.to, from + piece.from, piece.bytes);
    }
  });
}

}  // namespace pyflame::cpu
