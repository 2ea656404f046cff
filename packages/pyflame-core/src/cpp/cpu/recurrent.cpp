#include "cpu/recurrent.h"

#include <cstring>
#include <vector>

#include "cpu/elementwise.h"
#include "cpu/gemm.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kSerial = 4 * 1024;  // elements of activations

template <class T>
const CellKernels<T>& kernels() {
  if constexpr (sizeof(T) == 8) {
    return active_recurrent_table().wide;
  } else {
    return active_recurrent_table().single;
  }
}

template <class T>
View matrix(const T* data, DType dtype, i64 rows, i64 columns) {
  return {const_cast<T*>(data), dtype, {rows, columns}, {columns, 1}};
}
View transposed(const View& view) { return {view.data, view.dtype, {view.shape[1], view.shape[0]}, {view.strides[1], view.strides[0]}}; }

// Steps in the order they are taken; before the first one the state is given.
template <class T>
class Layer {
 public:
  Layer(const RecurrentSpec& spec, const RecurrentViews& v)
      : spec_(spec), v_(v), dtype_(v.projected.dtype), rows_(spec.batch * spec.hidden), wide_(rows_ * spec.gates()),
        kept_(rows_ * spec.kept()) {}

  void forward() const {
    // Rows a power of two apart would be packed anew in every step.
    const i64 columns = spec_.gates() * spec_.hidden, pitch = columns + 64 / static_cast<i64>(sizeof(T));
    std::vector<T> product(static_cast<std::size_t>(wide_)), turned(static_cast<std::size_t>(spec_.hidden * pitch));
    const View weight{turned.data(), dtype_, {spec_.hidden, columns}, {pitch, 1}};
    copy_strided(transposed(v_.weight), weight);  // once, as every step reads it row by row
    const i64 h = spec_.hidden, g = spec_.gates() * h, k = spec_.kept() * h;
    // Of results that nobody reads there is one step, which the next one overwrites.
    std::vector<T> one_gates(static_cast<std::size_t>(v_.gates.numel() ? 0 : kept_));
    std::vector<T> one_cells(static_cast<std::size_t>(spec_.cell == Cell::kLstm && !v_.cells.numel() ? rows_ : 0));
    auto gates = [&](i64 t) { return one_gates.empty() ? at(v_.gates.as<T>(), t * kept_) : one_gates.data(); };
    auto cells = [&](i64 t) { return one_cells.empty() ? at(v_.cells.as<T>(), t * rows_) : one_cells.data(); };
    for (i64 n = 0; n < spec_.steps; ++n) {
      const i64 t = place(n);
      const T* before = n == 0 ? v_.memory.as<T>() : cells(place(n - 1));
      multiply_state(matrix(state(n), dtype_, spec_.batch, h), weight, matrix(product.data(), dtype_, spec_.batch, g));
      each_sample([&](i64 b) {
        const T* share = &product[static_cast<std::size_t>(b * g)];
        kernels<T>().step(spec_.cell, h, v_.projected.as<T>() + t * wide_ + b * g, share, state(n) + b * h,
                          at(before, b * h), at(gates(t), b * k), at(cells(t), b * h),
                          v_.out.as<T>() + t * rows_ + b * h);
      });
    }
  }

  void backward(const RecurrentGradients& to) const {
    const i64 h = spec_.hidden, g = spec_.gates() * h, k = spec_.kept() * h;
    const bool apart = spec_.cell == Cell::kGru;
    std::vector<T> carried(static_cast<std::size_t>(rows_), T(0)), grad(carried), through(carried), cell(carried);
    std::vector<T> share(static_cast<std::size_t>(apart ? wide_ * spec_.steps : 0));
    auto shares = [&](i64 t) { return apart ? share.data() + t * wide_ : to.projected.as<T>() + t * wide_; };
    for (i64 n = spec_.steps; n-- > 0;) {
      const i64 t = place(n);
      each_sample([&](i64 b) {
        const std::size_t first = static_cast<std::size_t>(b * h);
        const T *upstream = to.out.as<T>() + t * rows_ + b * h, *from_cells = at(to.cells.as<T>(), t * rows_ + b * h);
        for (i64 j = 0; j < h; ++j) grad[first + static_cast<std::size_t>(j)] = upstream[j] + carried[first + static_cast<std::size_t>(j)];
        for (i64 j = 0; from_cells && j < h; ++j) cell[first + static_cast<std::size_t>(j)] += from_cells[j];
        kernels<T>().step_grad(spec_.cell, h, &grad[first], v_.out.as<T>() + t * rows_ + b * h, state(n) + b * h,
                               at(memory(n), b * h), at(v_.gates.as<T>(), t * kept_ + b * k),
                               at(v_.cells.as<T>(), t * rows_ + b * h), &cell[first], to.projected.as<T>() + t * wide_ + b * g,
                               shares(t) + b * g, &through[first]);
      });
      matmul(matrix(shares(t), dtype_, spec_.batch, g), v_.weight, matrix(carried.data(), dtype_, spec_.batch, h));
      for (i64 i = 0; apart && i < rows_; ++i) carried[static_cast<std::size_t>(i)] += through[static_cast<std::size_t>(i)];
    }
    std::memcpy(to.state.data, carried.data(), carried.size() * sizeof(T));
    if (to.memory.data) std::memcpy(to.memory.data, cell.data(), cell.size() * sizeof(T));
    weight_gradient(shares(0), to.weight);
    if (to.bias.data) column_sums(shares(0), to.bias.as<T>());
  }

 private:
  i64 place(i64 n) const { return spec_.reverse ? spec_.steps - 1 - n : n; }
  static T* at(T* data, i64 offset) { return data ? data + offset : nullptr; }
  static const T* at(const T* data, i64 offset) { return data ? data + offset : nullptr; }
  const T* state(i64 n) const { return n == 0 ? v_.state.as<T>() : v_.out.as<T>() + place(n - 1) * rows_; }
  const T* memory(i64 n) const { return n == 0 ? v_.memory.as<T>() : at(v_.cells.as<T>(), place(n - 1) * rows_); }

  // With the bias of the state.
  void multiply_state(const View& from, const View& weight, const View& to) const {
    if constexpr (sizeof(T) == sizeof(float)) {
      ProductEpilogue<float> epilogue;
      epilogue.bias = v_.bias.as<float>();
      return matmul(from, weight, to, nullptr, epilogue);
    }
    matmul(from, weight, to);
    const T* bias = v_.bias.as<T>();
    const i64 columns = to.shape[1];
    for (i64 i = 0; i < to.numel(); ++i) to.as<T>()[i] += bias[i % columns];
  }

  template <class Body>
  void each_sample(Body&& body) const {
    const i64 work = spec_.hidden * (spec_.gates() + 1), grain = kSerial / (work + 1) + 1;
    parallel_for(spec_.batch, spec_.batch * work <= 4 * kSerial ? spec_.batch : grain, [&](i64 begin, i64 end) {
      for (i64 b = begin; b < end; ++b) body(b);
    });
  }

  // The products of all steps but the first at once: their states are outputs, one step before.
  void weight_gradient(const T* shares, const View& out) const {
    const i64 h = spec_.hidden, g = spec_.gates() * h, later = (spec_.steps - 1) * spec_.batch;
    const T* first = shares + place(0) * wide_;
    matmul(transposed(matrix(first, dtype_, spec_.batch, g)), matrix(v_.state.as<T>(), dtype_, spec_.batch, h), out);
    if (later == 0) return;
    std::vector<T> rest(static_cast<std::size_t>(g * h));
    const T *taken = shares + (spec_.reverse ? 0 : wide_), *states = v_.out.as<T>() + (spec_.reverse ? rows_ : 0);
    matmul(transposed(matrix(taken, dtype_, later, g)), matrix(states, dtype_, later, h), matrix(rest.data(), dtype_, g, h));
    for (i64 i = 0; i < g * h; ++i) out.as<T>()[i] += rest[static_cast<std::size_t>(i)];
  }

  void column_sums(const T* shares, T* out) const {
    const i64 g = spec_.gates() * spec_.hidden, rows = spec_.steps * spec_.batch;
    std::vector<double> sums(static_cast<std::size_t>(g), 0.0);
    for (i64 r = 0; r < rows; ++r) {
      for (i64 j = 0; j < g; ++j) sums[static_cast<std::size_t>(j)] += static_cast<double>(shares[r * g + j]);
    }
    for (i64 j = 0; j < g; ++j) out[j] = static_cast<T>(sums[static_cast<std::size_t>(j)]);
  }

  const RecurrentSpec& spec_;
  const RecurrentViews& v_;
  DType dtype_;
  i64 rows_, wide_, kept_;
};

void clear(const View& view) {
  if (view.data) std::memset(view.data, 0, static_cast<std::size_t>(view.numel() * dtype_size(view.dtype)));
}

}  // namespace

void recurrent(const RecurrentSpec& spec, const RecurrentViews& views) {
  if (views.out.numel() == 0) return;
  if (views.out.dtype == DType::kFloat64) return Layer<double>(spec, views).forward();
  Layer<float>(spec, views).forward();
}

void recurrent_grad(const RecurrentSpec& spec, const RecurrentViews& views, const RecurrentGradients& gradients) {
  if (views.out.numel() == 0) {
    for (const View* view : {&gradients.projected, &gradients.weight, &gradients.bias, &gradients.state, &gradients.memory}) clear(*view);
    return;
  }
  if (views.out.dtype == DType::kFloat64) return Layer<double>(spec, views).backward(gradients);
  Layer<float>(spec, views).backward(gradients);
}

}  // namespace pyflame::cpu
