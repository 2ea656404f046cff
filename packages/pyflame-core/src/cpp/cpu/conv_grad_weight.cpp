// The gradient of the weights: the gradient (out x results) times the image's columns transposed (results x depth),
// summed over images. Threads take ranges of depth, and, when that is too little, fixed ranges of images whose sums
// are added in order afterwards; the split depends on the shape alone, so the result does not depend on threads.
#include <algorithm>

#include "cpu/arithmetic.h"
#include "cpu/conv_float.h"
#include "cpu/gemm_blocked.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kDepthPerTask = 288, kTile = 384, kPartials = 8, kPartialElements = 512 * 1024;
constexpr i64 kPlacesTogether = 1024;  // of single elements: that many or more are one product

// How images are shared out: `parts` ranges of `images` each.
struct Split {
  i64 parts, images;
};

Split split_images(const ConvSizes& s, i64 tasks_per_part) {
  i64 parts = tasks_per_part >= kPartials || s.work() < kThreadedWork ? 1 : ceil_div(kPartials, tasks_per_part);
  parts = least(parts, least(s.images, kPartialElements / (s.weight_size() + 1) + 1));
  i64 images = ceil_div(s.images, parts);
  return {ceil_div(s.images, images), images};
}

// Adds the gradient of one group's weights at depth [k0, k0 + k) from one image.
template <class T>
void add_image(const ConvSizes& s, const T* grad, const T* input, i64 k0, i64 k, T* out) {
  const i64 p = s.plane.result();
  for (i64 at = 0; at < p; at += kTile) {
    i64 n = least(kTile, p - at);
    T* columns = scratch<T>(Scratch::kColumns, k * n);
    conv_kernels<T>().columns(s.plane, input, k0, k0 + k, at, at + n, columns, n);
    gemm(Product<T>{s.out_channels, k, n, grad + at, p, 1, columns, 1, n, out + k0, s.depth(), true});
  }
}

template <class T>
void add_images(const ConvSizes& s, const T* grad, const T* input, i64 group, i64 k0, i64 k, i64 first, i64 last,
                T* out) {
  for (i64 image = first; image < last; ++image) {
    const T* g = grad + image * s.result_size() + group * s.out_channels * s.plane.result();
    const T* x = input + image * s.image_size() + group * s.in_channels * s.plane.input();
    add_image(s, g, x, k0, k, out + group * s.out_channels * s.depth());
  }
}

// Windows of one element: the gradient times the image where the window meets it, both from several images side by side.
template <class T>
class SingleElements {
 public:
  SingleElements(const ConvSizes& s, const T* grad, const T* input)
      : s_(s), grad_(grad), input_(input), p_(s.plane.result()), together_(least(s.images, ceil_div(kPlacesTogether, p_))) {}

  void run(T* out, bool accumulate) const {
    for (i64 image = 0; image < s_.images; image += together_) {
      const i64 count = least(together_, s_.images - image);
      for (i64 group = 0; group < s_.groups; ++group) {
        multiply(image, count, group, out + group * s_.out_channels * s_.in_channels, accumulate || image > 0);
      }
    }
  }

 private:
  // Sums are added to afterwards, as products that begin with some are not for the tile unit.
  void multiply(i64 image, i64 count, i64 group, T* out, bool accumulate) const {
    const i64 m = s_.out_channels, n = s_.in_channels, k = count * p_;
    const T* g = side_by_side(grad_ + image * s_.result_size() + group * m * p_, s_.result_size(), m, count, Scratch::kResult);
    const T* from = input_ + image * s_.image_size() + group * n * s_.plane.input();
    const T* x = s_.pointwise() ? side_by_side(from, s_.image_size(), n, count, Scratch::kColumns) : met(from, count);
    T* to = accumulate ? scratch<T>(Scratch::kPartials, m * n) : out;
    gemm(Product<T>{m, n, k, g, k, 1, x, 1, k, to, n, false});
    for (i64 i = 0; accumulate && i < m * n; ++i) out[i] += to[i];
  }

  const T* side_by_side(const T* from, i64 image_step, i64 rows, i64 count, Scratch block) const {
    if (count == 1) return from;
    T* own = scratch<T>(block, rows * count * p_);
    parallel_for(rows, grain(count), [&](i64 begin, i64 end) {
      for (i64 row = begin; row < end; ++row) {
        for (i64 i = 0; i < count; ++i) std::copy_n(from + i * image_step + row * p_, p_, own + (row * count + i) * p_);
      }
    });
    return own;
  }

  const T* met(const T* from, i64 count) const {
    T* own = scratch<T>(Scratch::kColumns, s_.in_channels * count * p_);
    parallel_for(s_.in_channels, grain(count), [&](i64 begin, i64 end) {
      for (i64 i = 0; i < count; ++i) {
        conv_kernels<T>().columns(s_.plane, from + i * s_.image_size(), begin, end, 0, p_, own + (begin * count + i) * p_, count * p_);
      }
    });
    return own;
  }

  i64 grain(i64 count) const { return 32 * 1024 / (count * p_) + 1; }

  const ConvSizes& s_;
  const T *grad_, *input_;
  const i64 p_, together_;
};

}  // namespace

template <class T>
void conv_grad_weight(const ConvSizes& s, const T* grad, const T* input, T* out, bool accumulate) {
  const i64 size = s.weight_size();
  for (i64 i = 0; i < size && !accumulate; ++i) out[i] = T(0);
  if (size == 0 || s.images * s.result_size() == 0) return;
  if (s.depthwise()) return conv_depthwise_grad_weight(s, grad, input, out);
  if (s.plane.window() == 1) return SingleElements<T>(s, grad, input).run(out, accumulate);
  const i64 depth = s.depth(), window = s.plane.window();
  const i64 range = even_panel(s.in_channels, kDepthPerTask / window + 1) * window;
  const i64 ranges = ceil_div(depth, range), columns = s.groups * ranges;
  const Split split = split_images(s, columns);
  T* partials = split.parts > 1 ? scratch<T>(Scratch::kPartials, (split.parts - 1) * size) : nullptr;
  for (i64 i = 0; i < (split.parts - 1) * size; ++i) partials[i] = T(0);
  const i64 tasks = columns * split.parts;
  parallel_for(tasks, s.work() >= kThreadedWork ? ceil_div(tasks, 64) : tasks, [&](i64 begin, i64 end) {
    for (i64 task = begin; task < end; ++task) {
      i64 part = task / columns, group = task % columns / ranges, k0 = task % ranges * range;
      add_images(s, grad, input, group, k0, least(range, depth - k0), part * split.images,
                 least((part + 1) * split.images, s.images), part ? partials + (part - 1) * size : out);
    }
  });
  for (i64 part = 0; part + 1 < split.parts; ++part) {
    for (i64 i = 0; i < size; ++i) out[i] += partials[part * size + i];
  }
}

template void conv_grad_weight<float>(const ConvSizes&, const float*, const float*, float*, bool);
template void conv_grad_weight<double>(const ConvSizes&, const double*, const double*, double*, bool);

}  // namespace pyflame::cpu
