#include "cpu/recurrent_table.h"
#include "cpu/simd/math.h"
#include "cpu/simd/vector_math.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

inline FloatVector sigmoid_of(FloatVector x) { return vector_sigmoid(x); }
inline FloatVector tanh_of(FloatVector x) { return vector_tanh(x); }
inline DoubleVector sigmoid_of(DoubleVector x) {
  double lanes[kWidth<double>];
  store(lanes, x);
  for (double& lane : lanes) lane = vsigmoid(lane);
  return load(lanes);
}
inline DoubleVector tanh_of(DoubleVector x) {
  double lanes[kWidth<double>];
  store(lanes, x);
  for (double& lane : lanes) lane = vtanh(lane);
  return load(lanes);
}

// body(read, write) over the elements: read(p) is the vector at p + i, write(p, v) stores it.
template <class T, class Body>
inline void for_lanes(i64 n, Body&& body) {
  constexpr i64 w = kWidth<T>;
  i64 i = 0;
  for (; i + w <= n; i += w) {
    body([i](const T* p) { return load(p + i); }, [i](T* p, Vec<T> v) { store(p + i, v); });
  }
  if (i < n) {
    Lanes<T> lanes(static_cast<int>(n - i));
    body([i, lanes](const T* p) { return load(p + i, lanes); }, [i, lanes](T* p, Vec<T> v) { store(p + i, v, lanes); });
  }
}

template <class T>
void step(Cell cell, i64 n, const T* x, const T* h, const T* state, const T* memory, T* gates, T* cell_out, T* out) {
  switch (cell) {
    case Cell::kTanh:
      return for_lanes<T>(n, [&](auto read, auto write) { write(out, tanh_of(read(x) + read(h))); });
    case Cell::kRelu:
      return for_lanes<T>(n, [&](auto read, auto write) {
        Vec<T> v = read(x) + read(h);
        write(out, v < T(0) ? Vec<T>{} : v);
      });
    case Cell::kLstm:
      return for_lanes<T>(n, [&](auto read, auto write) {
        Vec<T> into = sigmoid_of(read(x) + read(h)), forget = sigmoid_of(read(x + n) + read(h + n));
        Vec<T> fresh = tanh_of(read(x + 2 * n) + read(h + 2 * n)), open = sigmoid_of(read(x + 3 * n) + read(h + 3 * n));
        Vec<T> c = forget * read(memory) + into * fresh;
        write(gates, into);
        write(gates + n, forget);
        write(gates + 2 * n, fresh);
        write(gates + 3 * n, open);
        write(cell_out, c);
        write(out, open * tanh_of(c));
      });
    case Cell::kGru:
      return for_lanes<T>(n, [&](auto read, auto write) {
        Vec<T> reset = sigmoid_of(read(x) + read(h)), update = sigmoid_of(read(x + n) + read(h + n));
        Vec<T> share = read(h + 2 * n), fresh = tanh_of(read(x + 2 * n) + reset * share);
        write(gates, reset);
        write(gates + n, update);
        write(gates + 2 * n, fresh);
        write(gates + 3 * n, share);
        write(out, (read(state) - fresh) * update + fresh);
      });
  }
}

template <class T>
void step_grad(Cell cell, i64 n, const T* grad, const T* out, const T* state, const T* memory, const T* gates,
               const T* cell_out, T* grad_cell, T* grad_x, T* grad_h, T* grad_state) {
  switch (cell) {
    case Cell::kTanh:
      return for_lanes<T>(n, [&](auto read, auto write) {
        Vec<T> y = read(out);
        write(grad_x, read(grad) * (T(1) - y * y));
      });
    case Cell::kRelu:
      return for_lanes<T>(n, [&](auto read, auto write) { write(grad_x, read(out) > T(0) ? read(grad) : Vec<T>{}); });
    case Cell::kLstm:
      return for_lanes<T>(n, [&](auto read, auto write) {
        Vec<T> into = read(gates), forget = read(gates + n), fresh = read(gates + 2 * n), open = read(gates + 3 * n);
        Vec<T> g = read(grad), shown = tanh_of(read(cell_out));
        Vec<T> c = read(grad_cell) + g * open * (T(1) - shown * shown);
        write(grad_x, c * fresh * into * (T(1) - into));
        write(grad_x + n, c * read(memory) * forget * (T(1) - forget));
        write(grad_x + 2 * n, c * into * (T(1) - fresh * fresh));
        write(grad_x + 3 * n, g * shown * open * (T(1) - open));
        write(grad_cell, c * forget);
      });
    case Cell::kGru:
      return for_lanes<T>(n, [&](auto read, auto write) {
        Vec<T> reset = read(gates), update = read(gates + n), fresh = read(gates + 2 * n), share = read(gates + 3 * n);
        Vec<T> g = read(grad);
        Vec<T> slope = g * (T(1) - update) * (T(1) - fresh * fresh);
        Vec<T> to_reset = slope * share * reset * (T(1) - reset);
        Vec<T> to_update = g * (read(state) - fresh) * update * (T(1) - update);
        write(grad_x, to_reset);
        write(grad_x + n, to_update);
        write(grad_x + 2 * n, slope);
        write(grad_h, to_reset);
        write(grad_h + n, to_update);
        write(grad_h + 2 * n, slope * reset);
        write(grad_state, g * update);
      });
  }
}

}  // namespace

const RecurrentTable recurrent_table = {{step<float>, step_grad<float>}, {step<double>, step_grad<double>}};

}  // namespace pyflame::cpu::PYFLAME_TIER
