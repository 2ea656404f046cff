#include "cpu/optimizer.h"

#include "cpu/elementwise_table.h"
#include "cpu/optimizer_table.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kGrain = 16 * 1024;
constexpr int kMaxOperands = 5;

// Updates run on float or double spans; halves pass through tiles of float.
template <class Span>
void update_span(const Update& update, i64 begin, i64 end, Span&& span) {
  const DType dtype = update.in[0].dtype;
  const i64 size = dtype_size(dtype);
  const int num_reads = update.num_inputs, num_writes = num_reads - 1;
  const void* in[kMaxOperands];
  void* out[kMaxOperands];
  auto address = [&](const View& view, i64 at) { return view.as<char>() + at * size; };
  if (is_native(dtype)) {
    for (int k = 0; k < num_reads; ++k) in[k] = address(update.in[k], begin);
    for (int k = 0; k < num_writes; ++k) out[k] = address(update.out[k], begin);
    return span(in, out, end - begin);
  }
  const ConvertTable& convert = active_convert_table();
  alignas(64) float tiles[kMaxOperands][kTile], results[kMaxOperands][kTile];
  for (i64 at = begin; at < end; at += kTile) {
    i64 count = end - at < kTile ? end - at : kTile;
    for (int k = 0; k < num_reads; ++k) {
      convert.load[static_cast<int>(dtype)](tiles[k], address(update.in[k], at), 1, count);
      in[k] = tiles[k];
    }
    for (int k = 0; k < num_writes; ++k) out[k] = results[k];
    span(in, out, count);
    for (int k = 0; k < num_writes; ++k) convert.store[static_cast<int>(dtype)](address(update.out[k], at), results[k], count);
  }
}

// span(k, in, out, n): a piece of update k. The pieces of all updates are one parallel loop.
template <class Span>
void for_spans(const Update* updates, int count, Span&& span) {
  i64 sizes[kMaxUpdates], first[kMaxUpdates + 1] = {0}, elements = 0;
  for (int k = 0; k < count; ++k) {
    sizes[k] = updates[k].in[0].numel();
    elements += sizes[k];
    first[k + 1] = first[k] + (sizes[k] + kGrain - 1) / kGrain;
  }
  const i64 pieces = first[count];
  parallel_for(pieces, elements <= 2 * kGrain ? pieces : 1, [&](i64 begin, i64 end) {
    int k = 0;
    for (i64 piece = begin; piece < end; ++piece) {
      while (piece >= first[k + 1]) ++k;
      i64 from = (piece - first[k]) * kGrain, to = from + kGrain < sizes[k] ? from + kGrain : sizes[k];
      update_span(updates[k], from, to, [&](const void* const* in, void* const* out, i64 n) { span(k, in, out, n); });
    }
  });
}

bool is_double(const Update& update) { return update.in[0].dtype == DType::kFloat64; }

}  // namespace

void sgd_steps(const SgdStep* steps, const Update* updates, int count) {
  const OptimizerTable& table = active_optimizer_table();
  for_spans(updates, count, [&](int k, const void* const* in, void* const* out, i64 n) {
    auto update = is_double(updates[k]) ? table.sgd_double : table.sgd_float;
    bool moving = steps[k].has_momentum;
    update(steps[k], {in[0], in[1], moving ? in[2] : nullptr, out[0], moving ? out[1] : nullptr}, n);
  });
}

void adam_steps(const AdamStep* steps, const Update* updates, int count) {
  const OptimizerTable& table = active_optimizer_table();
  for_spans(updates, count, [&](int k, const void* const* in, void* const* out, i64 n) {
    auto update = is_double(updates[k]) ? table.adam_double : table.adam_float;
    bool largest = steps[k].amsgrad;
    const void* old = largest ? in[4] : nullptr;
    void* fresh = largest ? out[3] : nullptr;
    update(steps[k], {in[0], in[1], {in[2], in[3], old}, out[0], {out[1], out[2], fresh}}, n);
  });
}

}  // namespace pyflame::cpu
