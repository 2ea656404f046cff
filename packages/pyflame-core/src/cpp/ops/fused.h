// Records that no user writes: passes put them in the place of several nodes. They are not in the registry.
#pragma once
#include "graph/opdef.h"

namespace pyflame::ops {

// What follows a convolution, in this order: adding, subtracting and multiplying by channel, adding a tensor of the
// result's shape, the rectifier.
enum class EpilogueStep : i64 { kAdd, kSubtract, kMultiply, kResidual, kRelu };

// conv2d with an epilogue. Inputs: input, weight, then the operands of the steps in order. Attributes: those of conv2d,
// then a list of steps. Input and result contiguous or with channels innermost; other operands any strides.
const graph::OpDef& conv2d_fused();
// matmul of float32 with an epilogue. Inputs: a, b, then the bias by column and the residual, those that there are.
// Attributes: whether there is a bias, a residual, a rectifier.
const graph::OpDef& matmul_fused();
// max_pool2d without positions, input and result with channels innermost.
const graph::OpDef& max_pool2d_last();

// embed of several dimensions in steps of one. Attributes: a list of starts, one for each dimension.
const graph::OpDef& embed_fused();
// index_select along two neighbouring dimensions. Inputs: x, the index of the first of them, that of the second.
// Attribute: the first.
const graph::OpDef& index_select_fused();
// index_add of rows, along dimension 0, that index_select takes. Inputs: base, index, the table, the numbers of its rows.
const graph::OpDef& index_add_fused();

}  // namespace pyflame::ops
