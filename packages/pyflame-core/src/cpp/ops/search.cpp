// searchsorted: where values belong among sorted ones.
#include "cpu/search.h"

#include "ops/functions.h"
#include "ops/refuse.h"
#include "ops/register.h"
#include "ops/rules.h"

namespace pyflame::ops {

using graph::AttrKind;
using graph::Call;
using graph::Cost;
using graph::KernelCall;
using graph::OpCategory;
using graph::OpDef;

namespace {

// ---- searchsorted: right
Shape search_shape(const Call& call) {
  Shape sorted = call.shape(0), values = call.shape(1);
  if (sorted.ndim == 0) refuse(call, {0, 1}, "the sorted sequence needs a dimension");
  bool same_lines = sorted.ndim == values.ndim;
  for (int d = 0; same_lines && d + 1 < sorted.ndim; ++d) same_lines = sorted[d] == values[d];
  if (sorted.ndim > 1 && !same_lines) {
    refuse(call, {0, 1}, "expected one sorted sequence, or the same dimensions but for the last one");
  }
  return values;
}
Cost search_cost(const Call& call, const Shape& out) {
  double n = static_cast<double>(out.numel()), depth = 1;
  for (i64 line = call[0].ndim ? call[0].dims()[call[0].ndim - 1] : 1; line > 1; line /= 2) ++depth;
  return {n * depth, n * (8 + static_cast<double>(dtype_size(call.dtype(0))) * depth)};
}
void search_kernel(const KernelCall& call) { cpu::searchsorted(call.in[0], call.in[1], call.attrs[0], call.out[0]); }

}  // namespace

void register_search(graph::Registry& ops) {
  ops.add(OpDef("searchsorted")
              .category(OpCategory::kSort)
              .inputs({"sorted", "values"})
              .attr("right", AttrKind::kBool, 0)
              .dtype(int64_result)
              .shape(search_shape)
              .no_grad("the result is an index")
              .cost(search_cost)
              .cpu(search_kernel));
}

}  // namespace pyflame::ops
