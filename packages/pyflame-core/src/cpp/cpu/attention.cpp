#include "cpu/attention.h"

#include <cmath>

#include "cpu/attention_blocks.h"
#include "cpu/gemm_kernels.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

// So few queries read keys and values where they lie: packing them would cost more than the products.
constexpr i64 kFewQueries = 4;

bool reads_in_place(const View& view, DType dtype) { return view.dtype == dtype && view.strides[3] == 1; }

template <class T>
const T* matrix_at(const View& view, i64 batch, i64 head) {
  return view.as<T>() + batch * view.strides[0] + head * view.strides[1];
}

template <class T>
void forward(const AttentionOptions& options, const AttentionInputs& in, const View& out, const View& total) {
  const AttentionSizes s(in);
  const AttentionKernels<T>& kernels = attention_kernels<T>();
  const i64 key_columns = s.key_columns(), value_columns = s.value_columns();
  const i64 key_size = s.features * key_columns, value_size = key_columns * value_columns, pairs = s.batch * s.groups;
  // Packed once for all queries, by the thread that calls; the others read it.
  const DType dtype = sizeof(T) == 8 ? DType::kFloat64 : DType::kFloat32;
  const bool direct = s.queries <= kFewQueries && reads_in_place(in.key, dtype) && reads_in_place(in.value, dtype);
  T* keys = direct ? nullptr : scratch<T>(Scratch::kPackedB, pairs * (key_size + value_size));
  T* values = keys + (direct ? 0 : pairs * key_size);
  parallel_for(direct ? 0 : pairs, 1, [&](i64 begin, i64 end) {
    T* line = scratch<T>(Scratch::kPackedA, 16 * s.features);
    for (i64 pair = begin; pair < end; ++pair) {
      i64 batch = pair / s.groups, group = pair % s.groups;
      pack_transposed(in.key, batch, group, key_columns, line, keys + pair * key_size);
      pack_rows(in.value, batch, group, 0, s.keys, key_columns, value_columns, values + pair * value_size);
    }
  });
  const i64 blocks = (s.queries + kQueryBlock - 1) / kQueryBlock;
  const Mask<T> mask(options, in.mask, s);
  parallel_for(s.batch * s.heads * blocks, 1, [&](i64 begin, i64 end) {
    T* work = scratch<T>(Scratch::kPartials, kQueryBlock * (s.features + kKeyBlock + value_columns) + kKeyBlock);
    T *query = work, *scores = query + kQueryBlock * s.features, *sums = scores + kQueryBlock * kKeyBlock;
    T* line = sums + kQueryBlock * value_columns;
    for (i64 task = begin; task < end; ++task) {
      const i64 block = task % blocks, head = task / blocks % s.heads, batch = task / blocks / s.heads;
      const i64 first = block * kQueryBlock, rows = s.queries - first < kQueryBlock ? s.queries - first : kQueryBlock;
      const i64 pair = batch * s.groups + head / s.heads_per_group();
      T top[kQueryBlock], weight[kQueryBlock], factor[kQueryBlock];
      for (i64 r = 0; r < rows; ++r) {
        top[r] = static_cast<T>(-__builtin_inf());
        weight[r] = T(0);
        read_row(in.query, batch, head, first + r, s.features, query + r * s.features);
        for (i64 j = 0; j < s.features; ++j) query[r * s.features + j] *= static_cast<T>(options.scale);
      }
      const i64 reach = s.reach(options.causal, first + rows);
      if (direct) std::memset(sums, 0, static_cast<std::size_t>(rows * value_columns) * sizeof(T));
      for (i64 start = 0; start < reach; start += kKeyBlock) {
        const i64 left = AttentionSizes::padded(reach - start), width = left < kKeyBlock ? left : kKeyBlock;
        const i64 present = s.keys - start < width ? s.keys - start : width;
        if (direct) {
          const T* from = matrix_at<T>(in.key, batch, head / s.heads_per_group()) + start * in.key.strides[2];
          product_kernels<T>().dots({rows, present, s.features, query, s.features, 1, from, 1, in.key.strides[2], scores,
                                     kKeyBlock, false}, 1);
        } else {
          kernels.product(rows, width, s.features, query, s.features, 1, keys + pair * key_size + start, key_columns, scores,
                          kKeyBlock, false);
        }
        mask.apply(batch, head, first, rows, start, width, scores, line);
        kernels.advance(scores, rows, width, top, weight, factor);
        for (i64 r = 0; start > 0 && r < rows; ++r) {
          if (factor[r] != T(1)) kernels.scale(sums + r * value_columns, value_columns, factor[r]);
        }
        if (direct) {
          const T* from = matrix_at<T>(in.value, batch, head / s.heads_per_group()) + start * in.value.strides[2];
          product_kernels<T>().stream({rows, s.values, present, scores, kKeyBlock, 1, from, in.value.strides[2], 1, sums,
                                       value_columns, true});
          continue;
        }
        kernels.product(rows, value_columns, width, scores, kKeyBlock, 1,
                        values + pair * value_size + start * value_columns, value_columns, sums, value_columns, start > 0);
      }
      for (i64 r = 0; r < rows; ++r) {
        const i64 row = (batch * s.heads + head) * s.queries + first + r;
        const bool blind = reach == 0 || weight[r] == T(0);
        T* result = sums + r * value_columns;
        if (blind) std::memset(result, 0, static_cast<std::size_t>(value_columns) * sizeof(T));
        if (!blind) kernels.scale(result, value_columns, T(1) / weight[r]);
        write_row(out, row, result);
        total.as<T>()[row] = blind ? static_cast<T>(__builtin_inf()) : top[r] + std::log(weight[r]);
      }
    }
  });
}

}  // namespace

void attention(const AttentionOptions& options, const AttentionInputs& in, const View& out, const View& total) {
  if (total.numel() == 0) return;
  if (in.query.dtype == DType::kFloat64) return forward<double>(options, in, out, total);
  forward<float>(options, in, out, total);
}

}  // namespace pyflame::cpu
