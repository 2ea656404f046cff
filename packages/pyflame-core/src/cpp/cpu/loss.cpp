#include "cpu/loss.h"

#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/half.h"
#include "cpu/reduce_table.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

// Sums are made in blocks of this many ids, added in order: the result does not depend on the number of threads.
constexpr i64 kBlock = 16 * 1024;

// The id at a flat position, checked; -1 where it is ignored.
i64 class_at(const NllShape& shape, const i64* target, i64 i) {
  i64 id = target[i];
  if (id == shape.ignored) return -1;
  if (id < 0 || id >= shape.classes) {
    index_error("[nll_loss] target " + std::to_string(id) + " is out of range: expected a class id from 0 to " +
                std::to_string(shape.classes - 1) + ", or ignore_index (" + std::to_string(shape.ignored) + ")");
  }
  return id;
}

// Where the log-probability of class `id` at flat position i is.
i64 place(const NllShape& shape, i64 i, i64 id) {
  if (shape.inner == 1) return i * shape.classes + id;
  return (i / shape.inner * shape.classes + id) * shape.inner + i % shape.inner;
}

struct Part {
  double sum = 0;
  i64 count = 0;
};

double reduced(Reduction reduction, const Part* parts, std::size_t count) {
  Part total;
  for (std::size_t b = 0; b < count; ++b) total = {total.sum + parts[b].sum, total.count + parts[b].count};
  return reduction == Reduction::kMean ? total.sum / static_cast<double>(total.count) : total.sum;
}

// What the gradient of each loss is multiplied with.
double scale_of(const NllShape& shape, const i64* target) {
  if (shape.reduction != Reduction::kMean) return -1;
  i64 count = 0;
  for (i64 i = 0; i < shape.samples * shape.inner; ++i) count += target[i] != shape.ignored;
  return -1 / static_cast<double>(count);
}

template <class T, class Wide>
void forward(const NllShape& shape, const T* x, const i64* target, T* out) {
  const i64 n = shape.samples * shape.inner;
  if (shape.reduction == Reduction::kNone) {
    return parallel_for(n, kBlock, [&](i64 begin, i64 end) {
      for (i64 i = begin; i < end; ++i) {
        i64 id = class_at(shape, target, i);
        out[i] = id < 0 ? T(Wide(0)) : T(-Wide(x[place(shape, i, id)]));
      }
    });
  }
  auto block = [&](i64 begin, i64 end) {
    Part part;
    for (i64 i = begin; i < end; ++i) {
      i64 id = class_at(shape, target, i);
      if (id < 0) continue;
      part.sum -= static_cast<double>(Wide(x[place(shape, i, id)]));
      ++part.count;
    }
    return part;
  };
  std::vector<Part> parts(static_cast<std::size_t>((n + kBlock - 1) / kBlock));
  parallel_for(static_cast<i64>(parts.size()), 1, [&](i64 begin, i64 end) {
    for (i64 b = begin; b < end; ++b) {
      parts[static_cast<std::size_t>(b)] = block(b * kBlock, b * kBlock + kBlock < n ? b * kBlock + kBlock : n);
    }
  });
  *out = T(static_cast<Wide>(reduced(shape.reduction, parts.data(), parts.size())));
}

template <class T, class Wide>
void backward(const NllShape& shape, const T* grad, const i64* target, T* out) {
  const i64 n = shape.samples * shape.inner;
  const double scale = scale_of(shape, target);
  if (n == 0) return;  // perhaps without memory
  std::memset(static_cast<void*>(out), 0, static_cast<std::size_t>(n * shape.classes) * sizeof(T));
  parallel_for(n, kBlock, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      i64 id = class_at(shape, target, i);
      if (id < 0) continue;
      double g = static_cast<double>(Wide(grad[shape.reduction == Reduction::kNone ? i : 0]));
      out[place(shape, i, id)] = T(static_cast<Wide>(g * scale));
    }
  });
}

template <class Body>
void dispatch(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::kFloat64: return body(double{}, double{});
    case DType::kFloat32: return body(float{}, float{});
    case DType::kFloat16: return body(Float16{}, float{});
    default: return body(BFloat16{}, float{});
  }
}

// Rows of a block, of about kBlock elements: their losses are added in order, block after block.
i64 rows_of_block(const NllShape& shape) { return shape.classes < kBlock ? kBlock / (shape.classes + 1) + 1 : 1; }

template <class T, class Softmax>
void cross_entropy_rows(const NllShape& shape, const T* x, const i64* target, T* loss, T* log_probs, Softmax&& softmax) {
  const i64 rows = rows_of_block(shape), n = shape.classes;
  std::vector<Part> parts(static_cast<std::size_t>((shape.samples + rows - 1) / rows));
  parallel_for(static_cast<i64>(parts.size()), shape.samples * n <= 2 * kBlock ? static_cast<i64>(parts.size()) : 1, [&](i64 begin, i64 end) {
    std::vector<T> row(log_probs ? 0 : static_cast<std::size_t>(n));
    for (i64 i = begin * rows; i < end * rows && i < shape.samples; ++i) {
      T* y = log_probs ? log_probs + i * n : row.data();
      softmax(true, y, x + i * n, n);
      const i64 id = class_at(shape, target, i);
      Part& part = parts[static_cast<std::size_t>(i / rows)];
      if (shape.reduction == Reduction::kNone) loss[i] = id < 0 ? T(0) : -y[id];
      if (id >= 0) part = {part.sum - static_cast<double>(y[id]), part.count + 1};
    }
  });
  if (shape.reduction != Reduction::kNone) *loss = static_cast<T>(reduced(shape.reduction, parts.data(), parts.size()));
}

// Each row of the gradient of the log-probabilities has one element; that of x is written over it.
template <class T, class SoftmaxGrad>
void cross_entropy_grad_rows(const NllShape& shape, const T* grad, const T* log_probs, const i64* target, T* out, SoftmaxGrad&& softmax_grad) {
  const double scale = scale_of(shape, target);
  const i64 rows = rows_of_block(shape), n = shape.classes;
  parallel_for(shape.samples, shape.samples * n <= 2 * kBlock ? shape.samples : rows, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      T* row = out + i * n;
      std::memset(row, 0, static_cast<std::size_t>(n) * sizeof(T));
      const i64 id = class_at(shape, target, i);
      if (id < 0) continue;
      row[id] = static_cast<T>(static_cast<double>(grad[shape.reduction == Reduction::kNone ? i : 0]) * scale);
      softmax_grad(true, row, row, log_probs + i * n, n);
    }
  });
}

}  // namespace

void cross_entropy(const NllShape& shape, const View& x, const View& target, const View& loss, const View& log_probs) {
  const SoftmaxTable& table = active_softmax_table();
  if (x.dtype == DType::kFloat64) {
    cross_entropy_rows(shape, x.as<double>(), target.as<i64>(), loss.as<double>(), log_probs.as<double>(), table.forward_double);
  } else {
    cross_entropy_rows(shape, x.as<float>(), target.as<i64>(), loss.as<float>(), log_probs.as<float>(), table.forward_float);
  }
}

void cross_entropy_grad(const NllShape& shape, const View& grad, const View& log_probs, const View& target, const View& out) {
  const SoftmaxTable& table = active_softmax_table();
  if (grad.dtype == DType::kFloat64) {
    cross_entropy_grad_rows(shape, grad.as<double>(), log_probs.as<double>(), target.as<i64>(), out.as<double>(), table.backward_double);
  } else {
    cross_entropy_grad_rows(shape, grad.as<float>(), log_probs.as<float>(), target.as<i64>(), out.as<float>(), table.backward_float);
  }
}

void nll_loss(const NllShape& shape, const View& x, const View& target, const View& out) {
  dispatch(x.dtype, [&](auto narrow, auto wide) {
    using T = decltype(narrow);
    forward<T, decltype(wide)>(shape, x.as<T>(), target.as<i64>(), out.as<T>());
  });
}

void nll_loss_grad(const NllShape& shape, const View& grad, const View& target, const View& out) {
  dispatch(grad.dtype, [&](auto narrow, auto wide) {
    using T = decltype(narrow);
    backward<T, decltype(wide)>(shape, grad.as<T>(), target.as<i64>(), out.as<T>());
  });
}

}  // namespace pyflame::cpu
