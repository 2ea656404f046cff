#include "cpu/attention.h"

#include <cmath>

#include "cpu/attention_blocks.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

// So few queries read keys and values where they lie: packing them would cost more than the products.
constexpr i64 kFewQueries = 4;
// Queries whose products end with the last key that one of them sees.
constexpr i64 kDiagonalRows = 12;

constexpr i64 at_most(i64 n, i64 limit) {
  return n < limit ? n : limit;
}

template <class T>
constexpr DType kDtype = sizeof(T) == 8 ? DType::kFloat64 : DType::kFloat32;

// Rows of the matrix (batch, head), `stride` apart.
template <class T>
struct Rows {
  const T* data;
  i64 stride;
};
template <class T>
Rows<T> rows_of(const View& view, i64 batch, i64 head) {
  return {view.as<T>() + batch * view.strides[0] + head * view.strides[1], view.strides[2]};
}
template <class T>
bool reads_in_place(const View& view) {
  return view.dtype == kDtype<T> && view.strides[3] == 1;
}

// Queries that meet the blocks of keys together, what they found so far, and room for their scores.
template <class T>
struct Queries {
  i64 batch, head, group, first, rows;
  T *query, *scores, *sums, *line;
  T top[kQueryBlock], weight[kQueryBlock], factor[kQueryBlock];

  Queries(const AttentionSizes& s) {
    const i64 columns = s.value_columns();
    query = scratch<T>(Scratch::kPartials, kQueryBlock * (s.features + kKeyBlock + columns) + kKeyBlock);
    scores = query + kQueryBlock * s.features;
    sums = scores + kQueryBlock * kKeyBlock;
    line = sums + kQueryBlock * columns;
  }
};

template <class T>
class Attention {
 public:
  Attention(const AttentionOptions& options, const AttentionInputs& in, const View& out, const View& total)
      : options_(options),
        in_(in),
        out_(out),
        total_(total),
        s_(in),
        mask_(options, in.mask, s_),
        few_(s_.queries <= kFewQueries && reads_in_place<T>(in.key) && reads_in_place<T>(in.value)),
        values_lie_(reads_in_place<T>(in.value) && in.value.strides[2] == s_.values && s_.values == value_columns_) {}

  void run() {
    if (!few_) pack();
    const i64 blocks = (s_.queries + kQueryBlock - 1) / kQueryBlock;
    parallel_for(s_.batch * s_.heads * blocks, 1, [&](i64 begin, i64 end) {
      Queries<T> q(s_);
      for (i64 task = begin; task < end; ++task) {
        q.first = task % blocks * kQueryBlock;
        q.rows = at_most(s_.queries - q.first, kQueryBlock);
        q.head = task / blocks % s_.heads;
        q.group = q.head / s_.heads_per_group();
        q.batch = task / blocks / s_.heads;
        read(q);
        for (i64 start = 0; start < reach(q, q.rows); start += kKeyBlock) few_ ? meet_few(q, start) : meet(q, start);
        write(q);
      }
    });
  }

 private:
  i64 reach(const Queries<T>& q, i64 rows) const { return s_.reach(options_.causal, q.first + rows); }

  // Once for all queries, by the thread that calls; the others read it.
  void pack() {
    const i64 pairs = s_.batch * s_.groups, values = values_lie_ ? 0 : value_size_;
    T* packed = scratch<T>(Scratch::kPackedB, pairs * (key_size_ + values));
    keys_ = packed;
    values_ = packed + pairs * key_size_;
    parallel_for(pairs, 1, [&](i64 begin, i64 end) {
      T* line = scratch<T>(Scratch::kPackedA, kKeyBlock * s_.features);
      for (i64 pair = begin; pair < end; ++pair) {
        const i64 batch = pair / s_.groups, group = pair % s_.groups;
        pack_transposed(in_.key, batch, group, line, packed + pair * key_size_);
        if (values_lie_) continue;
        pack_rows(in_.value, batch, group, 0, s_.keys, s_.keys, value_columns_,
                  packed + pairs * key_size_ + pair * value_size_);
      }
    });
  }

  void read(Queries<T>& q) const {
    for (i64 r = 0; r < q.rows; ++r) {
      q.top[r] = static_cast<T>(-__builtin_inf());
      q.weight[r] = T(0);
      read_row(in_.query, q.batch, q.head, q.first + r, s_.features, q.query + r * s_.features);
    }
    kernels_.scale(q.query, q.rows * s_.features, static_cast<T>(options_.scale));
    std::memset(q.sums, 0, static_cast<std::size_t>(q.rows * value_columns_) * sizeof(T));
  }

  void meet_few(Queries<T>& q, i64 start) const {
    const i64 count = at_most(reach(q, q.rows) - start, kKeyBlock), width = AttentionSizes::padded(count);
    const Rows<T> keys = rows_of<T>(in_.key, q.batch, q.group), values = rows_of<T>(in_.value, q.batch, q.group);
    kernels_.scores(q.rows, count, s_.features, q.query, keys.data + start * keys.stride, keys.stride, q.scores);
    mask_.apply(q.batch, q.head, q.first, q.rows, start, width, q.scores, q.line);
    kernels_.advance(q.scores, q.rows, width, q.top, q.weight, q.factor);
    kernels_.gather(q.rows, count, s_.values, q.scores, values.data + start * values.stride, values.stride, q.sums,
                    value_columns_, q.factor);
  }

  void meet(Queries<T>& q, i64 start) const {
    const i64 width = at_most(AttentionSizes::padded(reach(q, q.rows) - start), kKeyBlock),
              pair = q.batch * s_.groups + q.group;
    const i64 together = options_.causal && start + width > q.first + 1 ? kDiagonalRows : q.rows;
    const T* keys = keys_ + pair * key_size_ + start * s_.features;
    for_rows(q, start, together, [&](i64 r, i64 rows, i64 seen) {
      kernels_.product(rows, at_most(AttentionSizes::padded(seen), width), s_.features, q.query + r * s_.features,
                       s_.features, 1, keys, s_.block_width(start), q.scores + r * kKeyBlock, kKeyBlock, false);
    });
    mask_.apply(q.batch, q.head, q.first, q.rows, start, width, q.scores, q.line);
    kernels_.advance(q.scores, q.rows, width, q.top, q.weight, q.factor);
    for (i64 r = 0; start > 0 && r < q.rows; ++r) {
      if (q.factor[r] != T(1)) kernels_.scale(q.sums + r * value_columns_, value_columns_, q.factor[r]);
    }
    const T* values = values_lie_ ? rows_of<T>(in_.value, q.batch, q.group).data : values_ + pair * value_size_;
    for_rows(q, start, together, [&](i64 r, i64 rows, i64 seen) {
      kernels_.product(rows, value_columns_, seen, q.scores + r * kKeyBlock, kKeyBlock, 1,
                       values + start * value_columns_, value_columns_, q.sums + r * value_columns_, value_columns_,
                       true);
    });
  }

  // body(first row, rows, keys of the block that they see): `together` rows at a time.
  template <class Body>
  void for_rows(const Queries<T>& q, i64 start, i64 together, Body&& body) const {
    for (i64 r = 0; r < q.rows; r += together) {
      const i64 rows = at_most(q.rows - r, together), seen = at_most(reach(q, r + rows) - start, kKeyBlock);
      if (seen > 0) body(r, rows, seen);
    }
  }

  void write(Queries<T>& q) const {
    for (i64 r = 0; r < q.rows; ++r) {
      const i64 row = (q.batch * s_.heads + q.head) * s_.queries + q.first + r;
      const bool blind = q.weight[r] == T(0);
      T* result = q.sums + r * value_columns_;
      if (blind) std::memset(result, 0, static_cast<std::size_t>(value_columns_) * sizeof(T));
      if (!blind) kernels_.scale(result, value_columns_, T(1) / q.weight[r]);
      write_row(out_, row, result);
      total_.as<T>()[row] = blind ? static_cast<T>(__builtin_inf()) : q.top[r] + std::log(q.weight[r]);
    }
  }

  const AttentionOptions& options_;
  const AttentionInputs& in_;
  const View &out_, &total_;
  const AttentionSizes s_;
  const Mask<T> mask_;
  const AttentionKernels<T>& kernels_ = attention_kernels<T>();
  const i64 value_columns_ = s_.value_columns(), key_size_ = s_.features * s_.key_columns();
  const i64 value_size_ = s_.keys * value_columns_;
  const bool few_;                               // keys and values are read where they lie
  const bool values_lie_;                        // as they would be packed
  const T *keys_ = nullptr, *values_ = nullptr;  // packed
};

}  // namespace

void attention(const AttentionOptions& options, const AttentionInputs& in, const View& out, const View& total) {
  if (total.numel() == 0) return;
  if (in.query.dtype == DType::kFloat64) return Attention<double>(options, in, out, total).run();
  Attention<float>(options, in, out, total).run();
}

}  // namespace pyflame::cpu
