// The inner loops of indexed addition.
#pragma once
#include "base/dtype.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

struct AddRun {
  i64 n;
  void* out;
  i64 out_step;
  const void* src;
  i64 src_step;
  const i64* index;  // null: all at one place
  i64 index_step, dim_stride, size;
  bool wraps;
};

// n rows of `width` elements, each added from its place in `table` to its place in `out`, in order.
struct AddRows {
  i64 n, width;
  void* out;
  const i64* out_at;  // where rows begin, in elements
  const void* table;
  const i64* table_at;
};

struct IndexAddKernels {
  void (*add[kNumDTypes])(const AddRun& run);  // by dtype; index values have been checked
  void (*add_rows[kNumDTypes])(const AddRows& rows);
};

PYFLAME_DECLARE_TIERS(IndexAddKernels, index_add_kernels)

}  // namespace pyflame::cpu
