// Factorizations of stacks of matrices. Arrays are contiguous, of float32 or float64, and written in place where a
// function says so.
#include <pybind11/numpy.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "bindings/register.h"
#include "cpu/arithmetic.h"
#include "cpu/factor.h"
#include "cpu/threads.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

constexpr i64 kGrain = 64 * 1024;  // multiply-adds of a part

void check(const py::array& array) {
  if (!(array.flags() & py::array::c_style)) value_error("[linalg] the array must be C-contiguous");
}

// Calls body(null pointer of T) for the array's dtype.
template <class Body>
auto by_dtype(const py::array& array, Body&& body) {
  check(array);
  if (py::isinstance<py::array_t<float>>(array)) return body(static_cast<float*>(nullptr));
  if (py::isinstance<py::array_t<double>>(array)) return body(static_cast<double*>(nullptr));
  type_error("[linalg] the array must hold float32 or float64");
}

template <class T>
const T* values_of(const py::array& array) {
  return static_cast<const T*>(array.data());
}
template <class T>
T* room_of(py::array& array) {
  return static_cast<T*>(array.mutable_data());
}

bool all(const std::vector<u8>& values) { return std::find(values.begin(), values.end(), 0) == values.end(); }

// body(i) for matrices of `size` rows; without the lock on Python.
template <class Body>
void each(i64 count, i64 size, Body&& body) {
  py::gil_scoped_release release;
  cpu::parallel_for(count, kGrain / cpu::most(size * size * size, 1) + 1, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) body(i);
  });
}

// a (count, n, n) becomes its factors, pivots (count, n) of int64 the exchanges; whether all can be solved with.
bool factor(py::array a, py::array pivots) {
  const i64 count = a.shape(0), n = a.shape(1);
  return by_dtype(a, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    T* values = room_of<T>(a);
    i64* places = room_of<i64>(pivots);
    std::vector<u8> regular(static_cast<std::size_t>(count));
    each(count, n, [&](i64 i) {
      regular[static_cast<std::size_t>(i)] = cpu::factor_lu(n, values + i * n * n, places + i * n);
    });
    return all(regular);
  });
}

// The factors become the inverse.
void invert(py::array a, py::array pivots) {
  const i64 count = a.shape(0), n = a.shape(1);
  by_dtype(a, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    T* values = room_of<T>(a);
    const i64* places = values_of<i64>(pivots);
    each(count, n, [&](i64 i) {
      std::vector<T> work(static_cast<std::size_t>(n * n));
      cpu::invert_lu(n, values + i * n * n, places + i * n, work.data());
    });
  });
}

// b (count, n, k) becomes the solution.
void solve(py::array a, py::array pivots, py::array b) {
  const i64 count = a.shape(0), n = a.shape(1), k = b.shape(2);
  check(b);
  by_dtype(a, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const T* values = values_of<T>(a);
    const i64* places = values_of<i64>(pivots);
    T* right = room_of<T>(b);
    each(count, n, [&](i64 i) { cpu::solve_lu(n, k, values + i * n * n, places + i * n, right + i * n * k); });
  });
}

// x (count, n, k) becomes the solution for a (count, m, n) and b (count, m, k); whether all are known to be good.
bool least_squares(py::array a, py::array b, double smallest, py::array x) {
  const i64 count = a.shape(0), m = a.shape(1), n = a.shape(2), k = b.shape(2);
  check(b), check(x);
  return by_dtype(a, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const T *values = values_of<T>(a), *right = values_of<T>(b);
    T* found = room_of<T>(x);
    std::vector<u8> good(static_cast<std::size_t>(count));
    each(count, cpu::most(m, n), [&](i64 i) {
      good[static_cast<std::size_t>(i)] =
          cpu::least_squares(m, n, k, values + i * m * n, right + i * m * k, smallest, found + i * n * k);
    });
    return all(good);
  });
}

}  // namespace

void register_linalg(py::module_& module) {
  module.def("factor", factor);
  module.def("invert", invert);
  module.def("solve", solve);
  module.def("least_squares", least_squares);
}

}  // namespace pyflame::bindings
