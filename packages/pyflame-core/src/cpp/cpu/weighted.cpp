#include "cpu/weighted.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "cpu/arithmetic.h"
#include "cpu/threads.h"
#include "cpu/weighted_kernels.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kGrain = 16 * 1024;  // products of a part

const WeightedFunctions& functions_of(DType dtype) {
  const WeightedKernels& kernels = active_weighted_kernels();
  return dtype == DType::kFloat64 ? kernels.of_double : kernels.of_float;
}

// Checked and narrowed once, as every channel reads it again.
std::vector<std::int32_t> narrow_index(const char* op, const View& index, i64 size) {
  const i64* values = index.as<i64>();
  std::vector<std::int32_t> narrow(static_cast<std::size_t>(index.numel()));
  for (std::size_t i = 0; i < narrow.size(); ++i) {
    if (values[i] < -1 || values[i] >= size) {
      index_error("[" + std::string(op) + "] index " + std::to_string(values[i]) +
                  " is out of range for dimension 2 with size " + std::to_string(size) + ": -1 means no place");
    }
    narrow[i] = static_cast<std::int32_t>(values[i]);
  }
  return narrow;
}

const char* at(const View& view, i64 i) { return view.as<char>() + i * dtype_size(view.dtype); }

// Calls body(image, first plane, planes) for parts of all planes, each of one image.
template <class Body>
void in_planes(i64 images, i64 channels, i64 products, Body&& body) {
  const i64 part = std::clamp<i64>(kGrain / most(products, 1), 1, most(channels, 1)), parts = ceil_div(channels, part);
  parallel_for(images * parts, 1, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      const i64 first = i % parts * part;
      body(i / parts, first, least(part, channels - first));
    }
  });
}

}  // namespace

void weighted_gather(const View& x, const View& index, const View& weight, const View& out) {
  const i64 channels = x.shape[1], size = x.shape[2], taps = index.shape[1], points = index.shape[2];
  const std::vector<std::int32_t> places = narrow_index("weighted_gather", index, size);
  in_planes(x.shape[0], channels, taps * points, [&](i64 image, i64 plane, i64 planes) {
    const i64 first = image * channels + plane, tap = image * taps * points;
    functions_of(out.dtype).gather({planes, size, taps, points, places.data() + tap, at(weight, tap), nullptr,
                                    at(x, first * size), const_cast<char*>(at(out, first * points))});
  });
}

void weighted_scatter(const View& a, const View& index, const View& weight, const View& out) {
  const i64 channels = out.shape[1], size = out.shape[2], taps = index.shape[1], points = index.shape[2];
  const std::vector<std::int32_t> places = narrow_index("weighted_scatter", index, size);
  in_planes(out.shape[0], channels, taps * points + size, [&](i64 image, i64 plane, i64 planes) {
    const i64 first = image * channels + plane, tap = image * taps * points;
    functions_of(out.dtype).scatter({planes, size, taps, points, places.data() + tap, at(weight, tap),
                                     at(a, first * points), nullptr, const_cast<char*>(at(out, first * size))});
  });
}

void gathered_dot(const View& a, const View& x, const View& index, const View& out) {
  const i64 channels = x.shape[1], size = x.shape[2], taps = index.shape[1], points = index.shape[2];
  const std::vector<std::int32_t> places = narrow_index("gathered_dot", index, size);
  const i64 grain = std::max<i64>(kGrain / most(taps * channels, 1) / 64 * 64, 64), parts = ceil_div(points, grain);
  parallel_for(x.shape[0] * parts, 1, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      const i64 image = i / parts, first = i % parts * grain, tap = image * taps * points;
      functions_of(out.dtype).dot({channels, size, taps, points, places.data() + tap, nullptr,
                                   at(a, image * channels * points), at(x, image * channels * size),
                                   const_cast<char*>(at(out, tap))}, first, least(first + grain, points));
    }
  });
}

}  // namespace pyflame::cpu
