#include "base/half.h"
#include "cpu/index_add_kernels.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

// Integers add as unsigned of their size; a bool sum is "or".
template <class Stored>
struct Plain {
  using T = Stored;
  static T add(T a, T b) { return static_cast<T>(a + b); }
};
struct Bool {
  using T = u8;
  static T add(T a, T b) { return (a | b) != 0; }
};
struct Half {
  using T = u16;
  static T add(T a, T b) { return float_to_float16(float16_to_float(a) + float16_to_float(b)); }
};
struct Brain {
  using T = u16;
  static T add(T a, T b) { return float_to_bfloat16(bfloat16_to_float(a) + bfloat16_to_float(b)); }
};

template <class Kind>
void add(const AddRun& run) {
  using T = typename Kind::T;
  T* out = static_cast<T*>(run.out);
  const T* src = static_cast<const T*>(run.src);
  if (run.index && run.index_step == 1 && run.out_step == 0 && run.dim_stride == 1 && !run.wraps) {
    for (i64 j = 0; j < run.n; ++j) out[run.index[j]] = Kind::add(out[run.index[j]], src[j * run.src_step]);
  } else if (run.index) {
    for (i64 j = 0; j < run.n; ++j) {
      i64 at = run.index[j * run.index_step];
      if (run.wraps && at < 0) at += run.size;
      T& to = out[j * run.out_step + at * run.dim_stride];
      to = Kind::add(to, src[j * run.src_step]);
    }
  } else if (run.out_step == 1 && run.src_step == 1) {
    for (i64 j = 0; j < run.n; ++j) out[j] = Kind::add(out[j], src[j]);
  } else {
    for (i64 j = 0; j < run.n; ++j) out[j * run.out_step] = Kind::add(out[j * run.out_step], src[j * run.src_step]);
  }
}

template <class Kind>
void add_rows(const AddRows& rows) {
  using T = typename Kind::T;
  constexpr i64 kAhead = 8, kLine = 64 / sizeof(T);  // the order of rows is known, the processor cannot guess it
  for (i64 i = 0; i < rows.n; ++i) {
    T* __restrict out = static_cast<T*>(rows.out) + rows.out_at[i];
    const T* __restrict from = static_cast<const T*>(rows.table) + rows.table_at[i];
    const T* next = static_cast<const T*>(rows.table) + rows.table_at[i + kAhead < rows.n ? i + kAhead : i];
    for (i64 j = 0; j < rows.width; j += kLine) __builtin_prefetch(next + j);
    for (i64 j = 0; j < rows.width; ++j) out[j] = Kind::add(out[j], from[j]);
  }
}

}  // namespace

#define PYFLAME_BY_DTYPE(add)                                                                                    \
  {add<Bool>, add<Plain<u8>>, add<Plain<u8>>, add<Plain<u16>>, add<Plain<u32>>, add<Plain<u64>>, add<Half>, add<Brain>, \
   add<Plain<float>>, add<Plain<double>>}
const IndexAddKernels index_add_kernels = {PYFLAME_BY_DTYPE(add), PYFLAME_BY_DTYPE(add_rows)};
#undef PYFLAME_BY_DTYPE

}  // namespace pyflame::cpu::PYFLAME_TIER
