// The gradient of the weights: the gradient (out x results) times the image's columns transposed (results x depth),
// summed over images. Threads take ranges of depth, and, when that is too little, fixed ranges of images whose sums
// are added in order afterwards; the split depends on the shape alone, so the result does not depend on threads.
#include "cpu/arithmetic.h"
#include "cpu/conv_float.h"
#include "cpu/gemm_blocked.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kDepthPerTask = 288, kTile = 384, kPartials = 8, kPartialElements = 512 * 1024;

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
    i64 n = least(kTile, p - at), ld = p;
    const T* columns = input + k0 * p + at;
    if (!s.pointwise()) {
      ld = n;
      T* own = scratch<T>(Scratch::kColumns, k * ld);
      conv_kernels<T>().columns(s.plane, input, k0, k0 + k, at, at + n, own, ld);
      columns = own;
    }
    gemm(Product<T>{s.out_channels, k, n, grad + at, p, 1, columns, 1, ld, out + k0, s.depth(), true});
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

}  // namespace

template <class T>
void conv_grad_weight(const ConvSizes& s, const T* grad, const T* input, T* out, bool accumulate) {
  const i64 size = s.weight_size();
  for (i64 i = 0; i < size && !accumulate; ++i) out[i] = T(0);
  if (size == 0 || s.images * s.result_size() == 0) return;
  if (s.depthwise()) return conv_depthwise_grad_weight(s, grad, input, out);
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
