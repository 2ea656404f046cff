#include "cpu/optimizer.h"

#include "cpu/elementwise_table.h"
#include "cpu/optimizer_table.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kGrain = 16 * 1024;
constexpr int kMaxOperands = 5;

// Updates run on float or double spans; halves pass through tiles of float. Operand k may be absent.
template <class Update>
void for_spans(DType dtype, i64 n, const View* const* reads, int num_reads, const View* const* writes, int num_writes,
               Update&& update) {
  const i64 size = dtype_size(dtype);
  const bool native = is_native(dtype);
  const ConvertTable& convert = active_convert_table();
  auto address = [&](const View* view, i64 at) -> char* {
    return view && view->data ? view->as<char>() + at * size : nullptr;
  };
  parallel_for(n, n <= 2 * kGrain ? n : kGrain, [&](i64 begin, i64 end) {
    const void* in[kMaxOperands];
    void* out[kMaxOperands];
    alignas(64) float tiles[kMaxOperands][kTile], results[kMaxOperands][kTile];
    i64 step = native ? end - begin : kTile;
    for (i64 at = begin; at < end; at += step) {
      i64 count = end - at < step ? end - at : step;
      for (int k = 0; k < num_reads; ++k) {
        char* memory = address(reads[k], at);
        in[k] = memory;
        if (native || !memory) continue;
        convert.load[static_cast<int>(dtype)](tiles[k], memory, 1, count);
        in[k] = tiles[k];
      }
      for (int k = 0; k < num_writes; ++k) out[k] = native ? static_cast<void*>(address(writes[k], at)) : results[k];
      update(in, out, count);
      for (int k = 0; k < num_writes && !native; ++k) {
        if (char* memory = address(writes[k], at)) convert.store[static_cast<int>(dtype)](memory, results[k], count);
      }
    }
  });
}

}  // namespace

void sgd_step(const SgdStep& step, const View& param, const View& grad, const View& momentum, const View& out_param,
              const View& out_momentum) {
  const OptimizerTable& table = active_optimizer_table();
  auto update = param.dtype == DType::kFloat64 ? table.sgd_double : table.sgd_float;
  const View* reads[] = {&param, &grad, &momentum};
  const View* writes[] = {&out_param, &out_momentum};
  for_spans(param.dtype, param.numel(), reads, 3, writes, 2, [&](const void* const* in, void* const* out, i64 n) {
    update(step, {in[0], in[1], in[2], out[0], out[1]}, n);
  });
}

void adam_step(const AdamStep& step, const View& param, const View& grad, const View* state, const View& out_param,
               const View* out_state) {
  const OptimizerTable& table = active_optimizer_table();
  auto update = param.dtype == DType::kFloat64 ? table.adam_double : table.adam_float;
  const View* reads[] = {&param, &grad, &state[0], &state[1], step.amsgrad ? &state[2] : nullptr};
  const View* writes[] = {&out_param, &out_state[0], &out_state[1], step.amsgrad ? &out_state[2] : nullptr};
  for_spans(param.dtype, param.numel(), reads, 5, writes, 4, [&](const void* const* in, void* const* out, i64 n) {
    update(step, {in[0], in[1], {in[2], in[3], in[4]}, out[0], {out[1], out[2], out[3]}}, n);
  });
}

}  // namespace pyflame::cpu
