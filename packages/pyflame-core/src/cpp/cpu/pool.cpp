#include "cpu/pool.h"

#include <cstring>
#include <string>

#include "base/error.h"
#include "cpu/half.h"
#include "cpu/pool_kernels.h"
#include "cpu/scratch.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

bool is_half(DType dtype) { return dtype == DType::kFloat16 || dtype == DType::kBFloat16; }

i64 planes_of(const View& view) {
  i64 n = 1;
  for (int d = 0; d + 2 < view.shape.ndim; ++d) n *= view.shape[d];
  return n;
}

PoolPlane plane_of(const PoolGeometry& g, const View& image, const View& result, bool include_pad, i64 divisor) {
  const Shape &in = image.shape, &out = result.shape;
  return {g, in[in.ndim - 2], in[in.ndim - 1], out[out.ndim - 2], out[out.ndim - 1], include_pad, divisor};
}

template <class Body>
void in_planes(i64 planes, i64 elements, Body&& body) {
  constexpr i64 kWork = 32 * 1024;
  parallel_for(planes, planes * elements < kWork ? planes : kWork / 4 / (elements + 1) + 1, body);
}
template <class Body>
void each_plane(i64 planes, i64 elements, Body&& body) {
  in_planes(planes, elements, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) body(i);
  });
}

// Whether windows cut an extent into steps that none of them leaves, so that another extent may follow.
bool divides(const PoolGeometry& g, int axis, i64 windows, i64 extent) {
  const i64 span = (g.kernel[axis] - 1) * g.dilation[axis] + 1;
  return g.padding[axis] == 0 && windows * g.stride[axis] == extent && span <= g.stride[axis];
}
bool stacks(const PoolPlane& p) { return divides(p.g, 0, p.oh, p.h); }
// Several planes as one that is higher, or wider where each has a single row.
PoolPlane stacked(PoolPlane p, i64 planes) {
  const bool row = p.h == 1 && divides(p.g, 1, p.ow, p.w);
  (row ? p.w : p.h) *= planes;
  (row ? p.ow : p.oh) *= planes;
  return p;
}

// Runs body(in, out) on one plane of halves as float.
template <class Body>
void as_float(DType dtype, const void* in, i64 in_size, void* out, i64 out_size, Body&& body) {
  float* from = scratch<float>(Scratch::kImage, in_size);
  float* to = scratch<float>(Scratch::kResult, out_size);
  halves_to_float(dtype, in, in_size, from);
  body(from, to);
  float_to_halves(dtype, to, out_size, out);
}

[[noreturn]] void unsupported(const char* op, DType dtype) {
  type_error("[" + std::string(op) + "] dtype " + std::string(dtype_name(dtype)) + " is not supported");
}

template <class T>
void scatter_plane(const T* grad, const i64* indices, i64 n, T* out, i64 size) {
  for (i64 i = 0; i < size; ++i) out[i] = T(0);
  for (i64 i = 0; i < n; ++i) {
    if (static_cast<u64>(indices[i]) < static_cast<u64>(size)) out[indices[i]] += grad[i];
  }
}

}  // namespace

void max_pool2d(const View& input, const PoolGeometry& geometry, const View& out, const View& indices) {
  PoolPlane plane = plane_of(geometry, input, out, false, 0);
  const i64 in_size = plane.h * plane.w, out_size = plane.oh * plane.ow, size = dtype_size(input.dtype);
  const i64 across = geometry.kernel[1], window = geometry.kernel[0] * across;
  i64* taps = scratch<i64>(Scratch::kPartials, window);
  for (i64 k = 0; k < window; ++k) taps[k] = k / across * geometry.dilation[0] * plane.w + k % across * geometry.dilation[1];
  plane.taps = taps;
  const bool half = is_half(input.dtype);
  auto kernel = active_pool_kernels().max[static_cast<int>(half ? DType::kFloat32 : input.dtype)];
  if (!kernel) unsupported("max_pool2d", input.dtype);
  if (!half && !indices.data && stacks(plane)) {
    return in_planes(planes_of(out), in_size, [&](i64 begin, i64 end) {
      kernel(stacked(plane, end - begin), input.as<char>() + begin * in_size * size, out.as<char>() + begin * out_size * size,
             nullptr);
    });
  }
  each_plane(planes_of(out), in_size, [&](i64 i) {
    const char* from = input.as<char>() + i * in_size * size;
    char* to = out.as<char>() + i * out_size * size;
    i64* positions = indices.data ? indices.as<i64>() + i * out_size : nullptr;
    if (!half) return kernel(plane, from, to, positions);
    as_float(input.dtype, from, in_size, to, out_size,
             [&](const float* x, float* y) { kernel(plane, x, y, positions); });
  });
}

void max_pool2d_last(const View& input, const PoolGeometry& geometry, const View& out) {
  const PoolPlane plane = plane_of(geometry, input, out, false, 0);
  const i64 channels = out.shape[1], in_size = plane.h * plane.w * channels, out_size = plane.oh * plane.ow * channels;
  const i64 row_work = plane.ow * channels * geometry.kernel[0] * geometry.kernel[1];
  parallel_for(out.shape[0] * plane.oh, 32 * 1024 / (row_work + 1) + 1, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      const i64 image = i / plane.oh, row = i % plane.oh;
      active_pool_kernels().max_last_f32(plane, channels, input.as<float>() + image * in_size, row, row + 1,
                                         out.as<float>() + image * out_size);
    }
  });
}

void max_pool2d_grad(const View& grad, const View& indices, const View& out) {
  const PoolPlane plane = plane_of({}, out, grad, false, 0);
  const i64 in_size = plane.h * plane.w, out_size = plane.oh * plane.ow;
  each_plane(planes_of(out), in_size, [&](i64 i) {
    const i64* at = indices.as<i64>() + i * out_size;
    switch (grad.dtype) {
      case DType::kFloat32:
        return scatter_plane(grad.as<float>() + i * out_size, at, out_size, out.as<float>() + i * in_size, in_size);
      case DType::kFloat64:
        return scatter_plane(grad.as<double>() + i * out_size, at, out_size, out.as<double>() + i * in_size, in_size);
      case DType::kFloat16:
      case DType::kBFloat16:
        return as_float(grad.dtype, grad.as<u16>() + i * out_size, out_size, out.as<u16>() + i * in_size, in_size,
                        [&](const float* g, float* x) { scatter_plane(g, at, out_size, x, in_size); });
      default: unsupported("max_pool2d_grad", grad.dtype);
    }
  });
}

void avg_pool2d(const View& input, const PoolGeometry& geometry, bool count_include_pad, i64 divisor,
                const View& out) {
  const PoolPlane plane = plane_of(geometry, input, out, count_include_pad, divisor);
  const i64 in_size = plane.h * plane.w, out_size = plane.oh * plane.ow;
  const PoolKernels& kernels = active_pool_kernels();
  each_plane(planes_of(out), in_size, [&](i64 i) {
    switch (input.dtype) {
      case DType::kFloat32:
        return kernels.average_f32(plane, input.as<float>() + i * in_size, out.as<float>() + i * out_size);
      case DType::kFloat64:
        return kernels.average_f64(plane, input.as<double>() + i * in_size, out.as<double>() + i * out_size);
      case DType::kFloat16:
      case DType::kBFloat16:
        return as_float(input.dtype, input.as<u16>() + i * in_size, in_size, out.as<u16>() + i * out_size, out_size,
                        [&](const float* x, float* y) { kernels.average_f32(plane, x, y); });
      default: unsupported("avg_pool2d", input.dtype);
    }
  });
}

void avg_pool2d_grad(const View& grad, const PoolGeometry& geometry, bool count_include_pad, i64 divisor,
                     const View& out) {
  const PoolPlane plane = plane_of(geometry, out, grad, count_include_pad, divisor);
  const i64 in_size = plane.h * plane.w, out_size = plane.oh * plane.ow;
  const PoolKernels& kernels = active_pool_kernels();
  each_plane(planes_of(out), in_size, [&](i64 i) {
    switch (grad.dtype) {
      case DType::kFloat32: {
        float* to = out.as<float>() + i * in_size;
        std::memset(to, 0, sizeof(float) * in_size);
        return kernels.average_grad_f32(plane, grad.as<float>() + i * out_size, to);
      }
      case DType::kFloat64: {
        double* to = out.as<double>() + i * in_size;
        std::memset(to, 0, sizeof(double) * in_size);
        return kernels.average_grad_f64(plane, grad.as<double>() + i * out_size, to);
      }
      case DType::kFloat16:
      case DType::kBFloat16:
        return as_float(grad.dtype, grad.as<u16>() + i * out_size, out_size, out.as<u16>() + i * in_size, in_size,
                        [&](const float* g, float* x) {
                          std::memset(x, 0, sizeof(float) * in_size);
                          kernels.average_grad_f32(plane, g, x);
                        });
      default: unsupported("avg_pool2d_grad", grad.dtype);
    }
  });
}

}  // namespace pyflame::cpu
