#include "cpu/loss.h"

#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/half.h"
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
  struct Part {
    double sum;
    i64 count;
  };
  auto block = [&](i64 begin, i64 end) {
    Part part{0, 0};
    for (i64 i = begin; i < end; ++i) {
      i64 id = class_at(shape, target, i);
      if (id < 0) continue;
      part.sum -= static_cast<double>(Wide(x[place(shape, i, id)]));
      ++part.count;
    }
    return part;
  };
  Part total{0, 0};
  if (n <= kBlock) {
    total = block(0, n);
  } else {
    std::vector<Part> parts(static_cast<std::size_t>((n + kBlock - 1) / kBlock));
    parallel_for(static_cast<i64>(parts.size()), 1, [&](i64 begin, i64 end) {
      for (i64 b = begin; b < end; ++b) {
        parts[static_cast<std::size_t>(b)] = block(b * kBlock, b * kBlock + kBlock < n ? b * kBlock + kBlock : n);
      }
    });
    for (const Part& part : parts) total = {total.sum + part.sum, total.count + part.count};
  }
  double result = shape.reduction == Reduction::kMean ? total.sum / static_cast<double>(total.count) : total.sum;
  *out = T(static_cast<Wide>(result));
}

template <class T, class Wide>
void backward(const NllShape& shape, const T* grad, const i64* target, T* out) {
  const i64 n = shape.samples * shape.inner;
  double scale = -1;
  if (shape.reduction == Reduction::kMean) {
    i64 count = 0;
    for (i64 i = 0; i < n; ++i) count += target[i] != shape.ignored;
    scale /= static_cast<double>(count);
  }
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

}  // namespace

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
