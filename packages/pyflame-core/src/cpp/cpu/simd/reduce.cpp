#include "cpu/reduce_table.h"
#include "cpu/simd/fold.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

constexpr i64 kMaxColumns = 512;

template <class T>
constexpr bool kIsFloat = std::is_floating_point_v<T>;

// Additions in float before a column's sum moves on in double; int32 holds the sum of many more of the narrow integers.
template <class T>
constexpr i64 kRowsPerFlush = kIsFloat<T> ? 16 : 1024;

template <class T>
inline auto& value_of(Accumulator& acc) {
  if constexpr (kIsFloat<T>) {
    return acc.real;
  } else {
    return acc.integer;
  }
}

// What a kind of reduction does with elements of type T: Lane is the type it runs in within a block.
template <class T>
struct Sum {
  using Lane = std::conditional_t<kIsFloat<T>, T, std::conditional_t<(sizeof(T) > 2), i64, std::int32_t>>;
  static constexpr Lane identity = 0;
  static inline Lane take(Lane sum, T x) { return sum + static_cast<Lane>(x); }
  template <class A>
  static inline A merge(A a, A b) {
    return a + b;
  }
};
template <class T>
struct Prod {
  using Lane = std::conditional_t<kIsFloat<T>, double, i64>;
  static constexpr Lane identity = 1;
  static inline Lane take(Lane product, T x) { return product * static_cast<Lane>(x); }
  template <class A>
  static inline A merge(A a, A b) {
    return a * b;
  }
};
template <class T>
struct Max {
  using Lane = T;
  static constexpr Lane identity = FoldMax::identity<Lane>();
  static inline Lane take(Lane best, T x) { return FoldMax::step<Lane>(best, static_cast<Lane>(x)); }
  template <class A>
  static inline A merge(A a, A b) {
    return FoldMax::step<A>(a, b);
  }
};
template <class T>
struct Min {
  using Lane = T;
  static constexpr Lane identity = FoldMin::identity<Lane>();
  static inline Lane take(Lane best, T x) { return FoldMin::step<Lane>(best, static_cast<Lane>(x)); }
  template <class A>
  static inline A merge(A a, A b) {
    return FoldMin::step<A>(a, b);
  }
};
// Any and all accumulate integers whatever they read.
template <class T>
struct Any {
  using Lane = u8;
  static constexpr Lane identity = 0;
  static inline Lane take(Lane found, T x) { return found | static_cast<u8>(x != T(0)); }
  template <class A>
  static inline A merge(A a, A b) {
    return a | b;
  }
};
template <class T>
struct All {
  using Lane = u8;
  static constexpr Lane identity = 1;
  static inline Lane take(Lane all, T x) { return all & static_cast<u8>(x != T(0)); }
  template <class A>
  static inline A merge(A a, A b) {
    return a & b;
  }
};

template <template <class> class Op, class T>
constexpr bool kIsLogical = sizeof(typename Op<T>::Lane) == 1;

template <template <class> class Op, class T>
inline auto& slot(Accumulator& acc) {
  if constexpr (kIsLogical<Op, T>) {
    return acc.integer;
  } else {
    return value_of<T>(acc);
  }
}

template <template <class> class Op, class T>
inline void merge_lane(Accumulator& acc, typename Op<T>::Lane lane) {
  auto& value = slot<Op, T>(acc);
  using Value = std::remove_reference_t<decltype(value)>;
  value = Op<T>::template merge<Value>(value, static_cast<Value>(lane));
}

template <template <class> class Op, class T>
inline void fold_tile(Accumulator* acc, const T* x, i64 n) {
  using Lane = typename Op<T>::Lane;
  if constexpr (kIsFloat<T> && std::is_same_v<Op<T>, Sum<T>>) {
    acc->real = sum_contiguous(x, n, acc->real);
  } else if constexpr (kIsFloat<T> && std::is_same_v<Op<T>, Max<T>>) {
    merge_lane<Op, T>(*acc, fold_block<FoldMax>(x, n));
  } else if constexpr (kIsFloat<T> && std::is_same_v<Op<T>, Min<T>>) {
    merge_lane<Op, T>(*acc, fold_block<FoldMin>(x, n));
  } else if constexpr (kIsFloat<T> && std::is_same_v<Op<T>, Prod<T>>) {
    constexpr int kLanes = 32;  // products in flight
    Lane lanes[kLanes];
    for (Lane& lane : lanes) lane = 1;
    i64 i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      for (int j = 0; j < kLanes; ++j) lanes[j] *= x[i + j];
    }
    for (; i < n; ++i) lanes[0] *= x[i];
    for (Lane lane : lanes) merge_lane<Op, T>(*acc, lane);
  } else {
    Lane lane = Op<T>::identity;
    for (i64 i = 0; i < n; ++i) lane = Op<T>::take(lane, x[i]);
    merge_lane<Op, T>(*acc, lane);
  }
}

// Tile by tile from the first element on, as a chain hands its values over that ends in a reduction.
template <template <class> class Op, class T>
void fold(Accumulator* acc, const void* memory, i64 n) {
  const T* x = static_cast<const T*>(memory);
  for (i64 i = 0; i < n; i += kTile) fold_tile<Op>(acc, x + i, n - i < kTile ? n - i : kTile);
}

template <template <class> class Op, class T>
void fold_rows(Accumulator* acc, const void* memory, i64 stride, i64 rows, i64 columns) {
  const T* x = static_cast<const T*>(memory);
  using Lane = typename Op<T>::Lane;
  Lane lanes[kMaxColumns];
  for (i64 first = 0; first < rows; first += kRowsPerFlush<T>) {
    i64 count = rows - first < kRowsPerFlush<T> ? rows - first : kRowsPerFlush<T>;
    for (i64 j = 0; j < columns; ++j) lanes[j] = Op<T>::identity;
    i64 r = 0;
    for (; r + 2 <= count; r += 2) {
      const T* p = x + (first + r) * stride;
      const T* q = p + stride;
#pragma GCC ivdep
      for (i64 j = 0; j < columns; ++j) lanes[j] = Op<T>::take(Op<T>::take(lanes[j], p[j]), q[j]);
    }
    for (; r < count; ++r) {
      const T* p = x + (first + r) * stride;
#pragma GCC ivdep
      for (i64 j = 0; j < columns; ++j) lanes[j] = Op<T>::take(lanes[j], p[j]);
    }
    for (i64 j = 0; j < columns; ++j) merge_lane<Op, T>(acc[j], lanes[j]);
  }
}

template <template <class> class Op, class T>
void merge(Accumulator* acc, const Accumulator* blocks, i64 n) {
  for (i64 i = 0; i < n; ++i) {
    Accumulator block = blocks[i];
    auto& value = slot<Op, T>(acc[i]);
    value = Op<T>::template merge<std::remove_reference_t<decltype(value)>>(value, slot<Op, T>(block));
  }
}

template <template <class> class Op, class T>
constexpr FoldKernels kernels() {
  Accumulator start{};
  if constexpr (kIsFloat<T> && !kIsLogical<Op, T>) {
    start.real = Op<T>::identity;
  } else {
    start.integer = Op<T>::identity;
  }
  using Merged = std::conditional_t<kIsFloat<T>, T, i64>;
  return {start, fold<Op, T>, fold_rows<Op, T>, merge<Op, Merged>};
}

template <class T>
i64 find(const void* memory, i64 n, Accumulator wanted) {
  const T* x = static_cast<const T*>(memory);
  const T value = static_cast<T>(value_of<T>(wanted));
  constexpr i64 kBlock = 128;
  for (i64 begin = 0; begin < n; begin += kBlock) {
    i64 end = n - begin < kBlock ? n : begin + kBlock;
    bool found = false;
    for (i64 i = begin; i < end; ++i) found |= (x[i] == value) | ((value != value) & (x[i] != x[i]));
    if (!found) continue;
    for (i64 i = begin; i < end; ++i) {
      if ((x[i] == value) | ((value != value) & (x[i] != x[i]))) return i;
    }
  }
  return -1;
}

template <bool kLargest, class T>
void arg_row(void* best_memory, i64* index, const void* memory, i64 row, i64 columns) {
  const T* x = static_cast<const T*>(memory);
  T* best = static_cast<T*>(best_memory);
  if (row == 0) {
    std::memcpy(best, x, sizeof(T) * static_cast<std::size_t>(columns));
    std::memset(index, 0, sizeof(i64) * static_cast<std::size_t>(columns));
    return;
  }
#pragma GCC ivdep
  for (i64 j = 0; j < columns; ++j) {
    T value = x[j], old = best[j];
    bool better = ((kLargest ? value > old : value < old) | (value != value)) & (old == old);
    best[j] = better ? value : old;
    index[j] = better ? row : index[j];
  }
}

using std::int16_t;
using std::int32_t;
using std::int8_t;

}  // namespace

// clang-format off
#define FOLDS(OP, INT8) \
  {kernels<OP, u8>(), kernels<OP, u8>(), kernels<OP, INT8>(), kernels<OP, int16_t>(), kernels<OP, int32_t>(), \
   kernels<OP, i64>(), kernels<OP, float>(), kernels<OP, double>()}
#define BY_CLASS(...) \
  {__VA_ARGS__ u8>, __VA_ARGS__ u8>, __VA_ARGS__ int8_t>, __VA_ARGS__ int16_t>, __VA_ARGS__ int32_t>, \
   __VA_ARGS__ i64>, __VA_ARGS__ float>, __VA_ARGS__ double>}
const ReduceTable reduce_table = {
    {FOLDS(Sum, int8_t),
     {{}, {}, {}, {}, {}, kernels<Prod, i64>(), kernels<Prod, float>(), kernels<Prod, double>()},
     FOLDS(Max, int8_t), FOLDS(Min, int8_t), FOLDS(Any, u8), FOLDS(All, u8)},
    BY_CLASS(find<),
    {BY_CLASS(arg_row<false,), BY_CLASS(arg_row<true,)}};
#undef FOLDS
#undef BY_CLASS
// clang-format on

}  // namespace pyflame::cpu::PYFLAME_TIER
