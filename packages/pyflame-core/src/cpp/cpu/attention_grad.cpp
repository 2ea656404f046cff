#include "cpu/attention_blocks.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

// Rows of queries, of their results and gradients, of one head: packed before its keys are walked.
template <class T>
struct Head {
  T *query, *grad, *delta, *grad_query;
};

// All of one group of keys: scores are computed again block by block, and each block adds its share to the gradients of
// its queries, keys and values. One task, so that nothing is added in an order that depends on threads.
template <class T>
class Group {
 public:
  Group(const AttentionOptions& options, const AttentionInputs& in, const View& grad, const View& out, const View& total)
      : options_(options), in_(in), grad_(grad), out_(out), total_(total), s_(in), mask_(options, in.mask, s_),
        kernels_(attention_kernels<T>()), keys_(s_.key_columns()), features_(s_.feature_columns()),
        values_(s_.value_columns()) {
    const i64 sizes[] = {s_.features * keys_, s_.values * keys_, keys_ * features_, keys_ * features_, keys_ * values_};
    i64 all = 2 * kQueryBlock * kKeyBlock + kKeyBlock + kKeyBlock * (s_.features + s_.values);
    for (i64 size : sizes) all += size;
    all += s_.queries * (2 * features_ + values_ + 1) + values_;
    T* at = scratch<T>(Scratch::kPartials, all);
    auto take = [&](i64 size) {
      T* block = at;
      at += size;
      return block;
    };
    key_columns_ = take(sizes[0]);
    value_columns_ = take(sizes[1]);
    key_rows_ = take(sizes[2]);
    grad_key_ = take(sizes[3]);
    grad_value_ = take(sizes[4]);
    head_ = {take(s_.queries * features_), take(s_.queries * values_), take(s_.queries), take(s_.queries * features_)};
    scores_ = take(kQueryBlock * kKeyBlock);
    slopes_ = take(kQueryBlock * kKeyBlock);
    line_ = take(kKeyBlock);
    packing_ = take(kKeyBlock * (s_.features + s_.values));
    result_ = take(values_);
  }

  void run(i64 batch, i64 group, const View& grad_query, const View& grad_key, const View& grad_value) {
    pack_transposed(in_.key, batch, group, packing_, key_columns_);
    pack_transposed(in_.value, batch, group, packing_, value_columns_);
    pack_rows(in_.key, batch, group, 0, s_.keys, keys_, features_, key_rows_);
    clear(grad_key_, keys_ * features_);
    clear(grad_value_, keys_ * values_);
    for (i64 h = 0; h < s_.heads_per_group(); ++h) {
      const i64 head = group * s_.heads_per_group() + h, first_row = (batch * s_.heads + head) * s_.queries;
      read_head(batch, head, first_row);
      for (i64 first = 0; first < s_.queries; first += kQueryBlock) walk_keys(batch, head, first);
      for (i64 i = 0; i < s_.queries; ++i) {
        T* row = head_.grad_query + i * features_;
        kernels_.scale(row, features_, static_cast<T>(options_.scale));
        write_row(grad_query, first_row + i, row);
      }
    }
    const i64 first_key = (batch * s_.groups + group) * s_.keys;
    for (i64 j = 0; j < s_.keys; ++j) {
      write_row(grad_key, first_key + j, grad_key_ + j * features_);
      write_row(grad_value, first_key + j, grad_value_ + j * values_);
    }
  }

 private:
  static void clear(T* memory, i64 n) { std::memset(memory, 0, static_cast<std::size_t>(n) * sizeof(T)); }

  void read_head(i64 batch, i64 head, i64 first_row) {
    for (i64 i = 0; i < s_.queries; ++i) {
      T *query = head_.query + i * features_, *grad = head_.grad + i * values_;
      read_row(in_.query, batch, head, i, features_, query);
      kernels_.scale(query, features_, static_cast<T>(options_.scale));
      read_row(grad_, batch, head, i, values_, grad);
      read_row(out_, batch, head, i, values_, result_);
      double delta = 0;
      for (i64 j = 0; j < s_.values; ++j) delta += static_cast<double>(grad[j]) * static_cast<double>(result_[j]);
      head_.delta[i] = static_cast<T>(delta);
    }
    clear(head_.grad_query, s_.queries * features_);
    totals_ = total_.as<T>() + first_row;
  }

  void walk_keys(i64 batch, i64 head, i64 first) {
    const i64 rows = s_.queries - first < kQueryBlock ? s_.queries - first : kQueryBlock;
    const i64 reach = s_.reach(options_.causal, first + rows);
    const T *query = head_.query + first * features_, *grad = head_.grad + first * values_;
    const bool whole = AttentionSizes::padded(reach) <= kKeyBlock;
    for (i64 start = 0; start < reach; start += kKeyBlock) {
      const i64 left = AttentionSizes::padded(reach - start), width = left < kKeyBlock ? left : kKeyBlock;
      kernels_.product(rows, width, s_.features, query, features_, 1, key_columns_ + start * s_.features,
                       s_.block_width(start), scores_, kKeyBlock, false);
      mask_.apply(batch, head, first, rows, start, width, scores_, line_);
      kernels_.product(rows, width, s_.values, grad, values_, 1, value_columns_ + start * s_.values,
                       s_.block_width(start), slopes_, kKeyBlock, false);
      for (i64 r = 0; r < rows; ++r) {
        const T* delta = whole ? nullptr : head_.delta + first + r;
        kernels_.differentiate(scores_ + r * kKeyBlock, slopes_ + r * kKeyBlock, width, totals_[first + r], delta);
      }
      kernels_.product(width, values_, rows, scores_, 1, kKeyBlock, grad, values_, grad_value_ + start * values_, values_, true);
      kernels_.product(width, features_, rows, slopes_, 1, kKeyBlock, query, features_, grad_key_ + start * features_, features_, true);
      kernels_.product(rows, features_, width, slopes_, kKeyBlock, 1, key_rows_ + start * features_, features_,
                       head_.grad_query + first * features_, features_, true);
    }
  }

  const AttentionOptions& options_;
  const AttentionInputs& in_;
  const View &grad_, &out_, &total_;
  const AttentionSizes s_;
  const Mask<T> mask_;
  const AttentionKernels<T>& kernels_;
  const i64 keys_, features_, values_;  // padded
  T *key_columns_, *value_columns_, *key_rows_, *grad_key_, *grad_value_, *scores_, *slopes_, *line_, *packing_, *result_;
  const T* totals_ = nullptr;
  Head<T> head_;
};

template <class T>
void backward(const AttentionOptions& options, const AttentionInputs& in, const View& grad, const View& out,
              const View& total, const View& grad_query, const View& grad_key, const View& grad_value) {
  const i64 groups = in.key.shape[1];
  parallel_for(in.query.shape[0] * groups, 1, [&](i64 begin, i64 end) {
    Group<T> group(options, in, grad, out, total);
    for (i64 pair = begin; pair < end; ++pair) group.run(pair / groups, pair % groups, grad_query, grad_key, grad_value);
  });
}

void clear(const View& view) {
  std::memset(view.data, 0, static_cast<std::size_t>(view.numel() * dtype_size(view.dtype)));
}

}  // namespace

void attention_grad(const AttentionOptions& options, const AttentionInputs& in, const View& grad, const View& out,
                    const View& total, const View& grad_query, const View& grad_key, const View& grad_value) {
  if (total.numel() == 0 || in.key.shape[2] == 0) return clear(grad_query), clear(grad_key), clear(grad_value);
  if (in.query.dtype == DType::kFloat64) {
    return backward<double>(options, in, grad, out, total, grad_query, grad_key, grad_value);
  }
  backward<float>(options, in, grad, out, total, grad_query, grad_key, grad_value);
}

}  // namespace pyflame::cpu
