#include "cpu/scan_kernels.h"
#include "cpu/simd/wide_math.h"

#include <type_traits>
#include <utility>

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

constexpr int kLanes = kWidth<double>;  // of double and of int64
using Lane = std::make_integer_sequence<int, kLanes>;

inline DoubleVector load_lanes(const float* p) { return load_wide(p); }
inline DoubleVector load_lanes(const double* p) { return load(p); }
inline LongVector load_lanes(const i64* p) { return (LongVector)load(reinterpret_cast<const double*>(p)); }
inline void store_lanes(float* p, DoubleVector v) { store_wide(p, v); }
inline void store_lanes(double* p, DoubleVector v) { store(p, v); }
inline void store_lanes(i64* p, LongVector v) { store(reinterpret_cast<double*>(p), (DoubleVector)v); }

template <class V, int... lane>
inline V reversed(V v, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(v, v, (kLanes - 1 - lane)...);
}
template <int by, class V, int... lane>
inline V shifted(V v, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(v, V{}, (lane < by ? kLanes : lane - by)...);
}
template <class V, int... lane>
inline V last_everywhere(V v, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(v, v, (lane * 0 + kLanes - 1)...);
}

// Each lane plus all before it.
template <class V>
inline V prefix_sums(V v) {
  v += shifted<1>(v, Lane());
  if constexpr (kLanes > 2) v += shifted<2>(v, Lane());
  if constexpr (kLanes > 4) v += shifted<4>(v, Lane());
  return v;
}

template <class T, class A>
A running_sums(T* values, i64 n, bool reverse, A running) {
  using V = std::conditional_t<std::is_same_v<A, double>, DoubleVector, LongVector>;
  V before = running - V{};
  i64 done = 0;
  for (; done + kLanes <= n; done += kLanes) {
    T* p = values + (reverse ? n - done - kLanes : done);
    V v = load_lanes(p);
    V sums = prefix_sums(reverse ? reversed(v, Lane()) : v), total = sums + before;
    store_lanes(p, reverse ? reversed(total, Lane()) : total);
    before += last_everywhere(sums, Lane());
  }
  running = before[0];
  for (; done < n; ++done) {
    T& value = values[reverse ? n - 1 - done : done];
    running += static_cast<A>(value);
    value = static_cast<T>(running);
  }
  return running;
}

}  // namespace

const ScanKernels scan_kernels = {running_sums<float, double>, running_sums<double, double>, running_sums<i64, i64>};

}  // namespace pyflame::cpu::PYFLAME_TIER
