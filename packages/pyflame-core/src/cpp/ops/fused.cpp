#include "ops/fused.h"

#include "cpu/conv_fused.h"
#include "cpu/elementwise.h"
#include "cpu/index.h"
#include "cpu/pad.h"
#include "cpu/pool.h"
#include "cpu/scratch.h"

namespace pyflame::ops {

using graph::KernelCall;
using graph::OpDef;

namespace {

constexpr int kGeometryWords = 10;

// One factor and one summand for each channel, composed in double: the steps round once, as together.
void compose(const KernelCall& call, const i64* steps, i64 count, i64 channels, float* scale, float* shift) {
  double* factors = cpu::scratch<double>(cpu::Scratch::kPackedB, 2 * channels);
  double* summands = factors + channels;
  for (i64 c = 0; c < channels; ++c) factors[c] = 1, summands[c] = 0;
  for (i64 i = 0, operand = 2; i < count; ++i) {
    const EpilogueStep step = static_cast<EpilogueStep>(steps[i]);
    if (step >= EpilogueStep::kResidual) break;
    const cpu::View& view = call.in[operand++];
    const float* values = view.as<float>();
    const i64 stride = view.strides[view.shape.ndim - 3];
    if (step == EpilogueStep::kAdd) {
      for (i64 c = 0; c < channels; ++c) summands[c] += values[c * stride];
    } else if (step == EpilogueStep::kSubtract) {
      for (i64 c = 0; c < channels; ++c) summands[c] -= values[c * stride];
    } else {
      for (i64 c = 0; c < channels; ++c) factors[c] *= values[c * stride], summands[c] *= values[c * stride];
    }
  }
  for (i64 c = 0; c < channels; ++c) scale[c] = static_cast<float>(factors[c]), shift[c] = static_cast<float>(summands[c]);
}

// The residual as the result lies in memory.
const float* residual_as(const cpu::View& residual, const cpu::View& out) {
  if (residual.strides == out.strides) return residual.as<float>();
  cpu::View copy = out;
  copy.data = cpu::scratch<float>(cpu::Scratch::kPartials, out.numel());
  cpu::copy_strided(residual, copy);
  return copy.as<float>();
}

void conv2d_fused_kernel(const KernelCall& call) {
  const i64 *words = call.attrs, *steps = words + kGeometryWords + 1, count = words[kGeometryWords];
  const cpu::ConvGeometry geometry{{words[1], words[2]}, {words[4], words[5]}, {words[7], words[8]}, words[9]};
  const i64 channels = call.out[0].shape[1];
  cpu::ConvEpilogue epilogue{};
  bool affine = false;
  for (i64 i = 0; i < count; ++i) {
    EpilogueStep step = static_cast<EpilogueStep>(steps[i]);
    affine |= step < EpilogueStep::kResidual;
    epilogue.relu |= step == EpilogueStep::kRelu;
    if (step == EpilogueStep::kResidual) epilogue.residual = residual_as(call.in[call.num_inputs - 1], call.out[0]);
  }
  if (affine) {
    float* scale = cpu::scratch<float>(cpu::Scratch::kHalfA, 2 * channels);
    compose(call, steps, count, channels, scale, scale + channels);
    epilogue.scale = scale, epilogue.shift = scale + channels;
  }
  cpu::View input = call.in[0];
  if (!input.contiguous() && !cpu::is_channels_last(input)) {
    input.strides = contiguous_strides(input.shape);
    input.data = cpu::scratch<float>(cpu::Scratch::kHalfC, input.numel());
    cpu::copy_strided(call.in[0], input);
  }
  cpu::conv2d_fused(input, call.in[1], geometry, epilogue, call.out[0], call.weight);
}

void max_pool2d_last_kernel(const KernelCall& call) {
  const i64* words = call.attrs;
  cpu::max_pool2d_last(call.in[0], {{words[1], words[2]}, {words[4], words[5]}, {words[7], words[8]}, {words[10], words[11]}},
                       call.out[0]);
}

void embed_fused_kernel(const KernelCall& call) { cpu::place_among_zeros(call.in[0], call.attrs + 1, call.out[0]); }

void index_select_fused_kernel(const KernelCall& call) {
  cpu::index_select_plane(call.in[0], static_cast<int>(call.attrs[0]), call.in[1], call.in[2], call.out[0]);
}

void index_add_fused_kernel(const KernelCall& call) {
  cpu::index_add_rows(call.in[0], call.in[1], call.in[2], call.in[3], call.out[0]);
}

}  // namespace

const OpDef& conv2d_fused() {
  static const OpDef op = OpDef("conv2d").inputs({"input", "weight", "operands"}, true).category(graph::OpCategory::kConv)
                              .cpu(conv2d_fused_kernel, ~u32{0b10});
  return op;
}

const OpDef& max_pool2d_last() {
  static const OpDef op = OpDef("max_pool2d").inputs({"input"}).category(graph::OpCategory::kPool)
                              .cpu(max_pool2d_last_kernel, 0b1);
  return op;
}

const OpDef& embed_fused() {
  static const OpDef op =
      OpDef("embed").inputs({"x"}).category(graph::OpCategory::kShape).cpu(embed_fused_kernel, 0);
  return op;
}

const OpDef& index_select_fused() {
  static const OpDef op = OpDef("index_select").inputs({"x", "index", "next"}).category(graph::OpCategory::kIndex)
                              .cpu(index_select_fused_kernel, 0b110);
  return op;
}

const OpDef& index_add_fused() {
  static const OpDef op = OpDef("index_add").inputs({"base", "index", "table", "rows"}).category(graph::OpCategory::kIndex)
                              .cpu(index_add_fused_kernel, 0b1011);
  return op;
}

}  // namespace pyflame::ops
