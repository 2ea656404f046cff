"""Samples of convolution and pooling, with references that walk over the windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...dtypes import DType, int64
from ..bridge import Array
from .model import FLOATS, NUMBERS, Operand, OpInfo, Sample, draw, generator, smooth

Pair = tuple[int, int]
# input, weight, stride, padding, dilation, groups, memory
CONV: tuple[tuple[tuple[int, ...], tuple[int, ...], Pair, Pair, Pair, int, str], ...] = (
    ((2, 3, 5, 6), (4, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1, "dense"),
    ((1, 2, 6, 5), (2, 2, 1, 1), (1, 1), (0, 0), (1, 1), 1, "dense"),
    ((2, 2, 7, 6), (3, 2, 3, 2), (2, 3), (1, 0), (1, 1), 1, "transposed"),
    ((1, 4, 6, 6), (4, 2, 2, 3), (1, 1), (0, 2), (2, 1), 2, "sliced"),
    ((2, 3, 5, 5), (3, 1, 3, 3), (1, 2), (1, 1), (1, 1), 3, "dense"),
    ((0, 2, 4, 4), (2, 2, 2, 2), (1, 1), (0, 0), (1, 1), 1, "dense"),
    ((2, 2, 3, 3), (2, 2, 2, 2), (1, 1), (0, 0), (1, 1), 1, "expanded"),
)  # fmt: skip


def windows(
    extent: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, out: Pair
) -> Iterator[tuple[int, int, int, int, int, int]]:
    """(output row and column, kernel row and column, input row and column) wherever the kernel meets the input."""
    for r in range(out[0]):
        for c in range(out[1]):
            for i in range(kernel[0]):
                for j in range(kernel[1]):
                    y, x = r * stride[0] - padding[0] + i * dilation[0], c * stride[1] - padding[1] + j * dilation[1]
                    if 0 <= y < extent[0] and 0 <= x < extent[1]:
                        yield r, c, i, j, y, x


def convolved_size(extent: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    sizes = [(extent[k] + 2 * padding[k] - dilation[k] * (kernel[k] - 1) - 1) // stride[k] + 1 for k in range(2)]
    return sizes[0], sizes[1]


def channels(groups: int, weight: Array, g: int) -> tuple[slice, slice]:
    """The input and the output channels of group g."""
    per_in, per_out = weight.shape[1], weight.shape[0] // groups
    return slice(g * per_in, (g + 1) * per_in), slice(g * per_out, (g + 1) * per_out)


def conv2d(input: Array, weight: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
    kernel, extent = weight.shape[2:], input.shape[2:]
    size = convolved_size(extent, kernel, stride, padding, dilation)
    out = np.zeros((input.shape[0], weight.shape[0], *size))
    for r, c, i, j, y, x in windows(extent, kernel, stride, padding, dilation, size):
        for g in range(groups):
            into, outof = channels(groups, weight, g)
            out[:, outof, r, c] += input[:, into, y, x] @ weight[outof, :, i, j].T
    return out


def conv2d_grad_input(
    grad: Array, weight: Array, input_h: int, input_w: int, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    kernel, size = weight.shape[2:], grad.shape[2:]
    out = np.zeros((grad.shape[0], weight.shape[1] * groups, input_h, input_w))
    for r, c, i, j, y, x in windows((input_h, input_w), kernel, stride, padding, dilation, size):
        for g in range(groups):
            into, outof = channels(groups, weight, g)
            out[:, into, y, x] += grad[:, outof, r, c] @ weight[outof, :, i, j]
    return out


def conv2d_grad_weight(
    grad: Array, input: Array, kernel_h: int, kernel_w: int, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    extent, size = input.shape[2:], grad.shape[2:]
    out = np.zeros((grad.shape[1], input.shape[1] // groups, kernel_h, kernel_w))
    for r, c, i, j, y, x in windows(extent, (kernel_h, kernel_w), stride, padding, dilation, size):
        for g in range(groups):
            into, outof = channels(groups, out, g)
            out[outof, :, i, j] += grad[:, outof, r, c].T @ input[:, into, y, x]
    return out


def conv_samples(name: str) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        result = []
        for input_shape, weight_shape, stride, padding, dilation, groups, memory in CONV:
            kernel: Any = weight_shape[2:]
            extent: Any = input_shape[2:]
            size = convolved_size(extent, kernel, stride, padding, dilation)
            grad_shape = (input_shape[0], weight_shape[0], *size)

            def operand(shape: tuple[int, ...], memory: str = memory) -> Operand:
                return Operand(smooth(rng, shape, -1, 1), dtype, memory if shape[0] else "dense")

            attrs: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
            if name == "conv2d":
                inputs = (operand(input_shape), operand(weight_shape))
            elif name == "conv2d_grad_input":
                inputs = (operand(grad_shape), operand(weight_shape))
                attrs = {"input_h": extent[0], "input_w": extent[1], **attrs}
            else:
                inputs = (operand(grad_shape), operand(input_shape))
                attrs = {"kernel_h": kernel[0], "kernel_w": kernel[1], **attrs}
            result.append(Sample(inputs, attrs))
        return result

    return samples


# shape, kernel, stride, padding, dilation, ceil_mode, memory
POOL: tuple[tuple[tuple[int, ...], Pair, Pair, Pair, Pair, bool, str], ...] = (
    ((2, 3, 6, 6), (2, 2), (2, 2), (0, 0), (1, 1), False, "dense"),
    ((1, 2, 7, 5), (3, 2), (2, 1), (1, 1), (1, 1), True, "dense"),
    ((2, 6, 6), (2, 3), (1, 2), (0, 1), (2, 1), False, "transposed"),
    ((4, 2, 5, 5), (3, 3), (3, 3), (1, 1), (1, 1), True, "sliced"),
    ((0, 2, 4, 4), (2, 2), (2, 2), (0, 0), (1, 1), False, "dense"),
    ((2, 1, 4, 4), (2, 2), (1, 1), (0, 0), (1, 1), False, "expanded"),
)  # fmt: skip


def pooled_size(extent: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool) -> Pair:
    def along(k: int) -> int:
        slack = extent[k] + 2 * padding[k] - dilation[k] * (kernel[k] - 1) - 1
        count = (slack + (stride[k] - 1 if ceil_mode else 0)) // stride[k] + 1
        return count - 1 if ceil_mode and (count - 1) * stride[k] >= extent[k] + padding[k] else count

    return along(0), along(1)


def max_pool2d(
    input: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[Array, Array]:
    extent: Any = input.shape[-2:]
    size = pooled_size(extent, kernel, stride, padding, dilation, ceil_mode)
    lead = input.shape[:-2]
    best = np.zeros((*lead, *size), input.dtype)
    at = np.full((*lead, *size), -1)
    for r, c, _, _, y, x in windows(extent, kernel, stride, padding, dilation, size):
        value = input[..., y, x]
        better = (at[..., r, c] < 0) | (value > best[..., r, c])
        best[..., r, c] = np.where(better, value, best[..., r, c])
        at[..., r, c] = np.where(better, y * extent[1] + x, at[..., r, c])
    return best, at


def max_pool2d_grad(grad: Array, indices: Array, input_h: int, input_w: int) -> Array:
    lead = grad.shape[:-2]
    planes = int(np.prod(lead))
    out = np.zeros((planes, input_h * input_w))
    for plane in range(planes):
        np.add.at(out[plane], indices.reshape(planes, -1)[plane], grad.reshape(planes, -1)[plane])
    return out.reshape(*lead, input_h, input_w)


def average_weights(
    extent: Pair, kernel: Pair, stride: Pair, padding: Pair, ceil_mode: bool, include: bool, divisor: int
) -> Array:
    """The matrix from input positions to output positions, with the window's divisor in it."""
    size = pooled_size(extent, kernel, stride, padding, (1, 1), ceil_mode)
    weights = np.zeros((size[0] * size[1], extent[0] * extent[1]))
    for r, c, _, _, y, x in windows(extent, kernel, stride, padding, (1, 1), size):
        weights[r * size[1] + c, y * extent[1] + x] = 1
    for r in range(size[0]):
        for c in range(size[1]):
            row = weights[r * size[1] + c]
            padded = [min((r, c)[k] * stride[k] - padding[k] + kernel[k], extent[k] + padding[k])
                      - ((r, c)[k] * stride[k] - padding[k]) for k in range(2)]  # fmt: skip
            row /= divisor or (padded[0] * padded[1] if include else row.sum())
    return weights


def avg_pool2d(
    input: Array, kernel: Pair, stride: Pair, padding: Pair, ceil_mode: bool, count_include_pad: bool, divisor: int
) -> Array:
    extent: Any = input.shape[-2:]
    size = pooled_size(extent, kernel, stride, padding, (1, 1), ceil_mode)
    weights = average_weights(extent, kernel, stride, padding, ceil_mode, count_include_pad, divisor)
    flat = input.reshape(int(np.prod(input.shape[:-2])), extent[0] * extent[1])
    return (flat @ weights.T).reshape(*input.shape[:-2], *size)


def avg_pool2d_grad(
    grad: Array, input_h: int, input_w: int, kernel: Pair, stride: Pair, padding: Pair, ceil_mode: bool,
    count_include_pad: bool, divisor: int,
) -> Array:  # fmt: skip
    weights = average_weights((input_h, input_w), kernel, stride, padding, ceil_mode, count_include_pad, divisor)
    flat = grad.reshape(int(np.prod(grad.shape[:-2])), int(np.prod(grad.shape[-2:])))
    return (flat @ weights).reshape(*grad.shape[:-2], input_h, input_w)


def pool_samples(name: str) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        result = []
        for n, (shape, kernel, stride, padding, dilation, ceil_mode, memory) in enumerate(POOL):
            extent: Any = shape[-2:]
            window: dict[str, Any] = {"kernel": kernel, "stride": stride, "padding": padding}
            sized = {"input_h": extent[0], "input_w": extent[1]}
            lead = shape[:-2]
            average = {**window, "ceil_mode": ceil_mode, "count_include_pad": n % 2 == 0, "divisor": 5 if n == 3 else 0}
            spread = rng.permutation(int(np.prod(shape))).reshape(shape) / 8  # distinct: a tie has no gradient
            x = Operand(spread if dtype.is_floating_point else draw(rng, shape, dtype, -9, 9), dtype, memory)
            grad_size = pooled_size(extent, kernel, stride, padding, dilation, ceil_mode)
            average_size = pooled_size(extent, kernel, stride, padding, (1, 1), ceil_mode)
            if name == "max_pool2d":
                attrs = {**window, "dilation": dilation, "ceil_mode": ceil_mode}
                result.append(Sample((x,), attrs))
            elif name == "max_pool2d_grad":
                grad = Operand(draw(rng, (*lead, *grad_size), dtype, -3, 3), dtype, memory)
                where = Operand(rng.integers(0, extent[0] * extent[1], (*lead, *grad_size)), int64)
                result.append(Sample((grad, where), sized))
            elif name == "avg_pool2d":
                result.append(Sample((x,), average))
            else:
                grad = Operand(draw(rng, (*lead, *average_size), dtype, -3, 3), dtype, memory)
                result.append(Sample((grad,), {**sized, **average}))
        return result

    return samples


WINDOW = [
    OpInfo("conv2d", conv_samples("conv2d"), conv2d, FLOATS, slack=16),
    OpInfo("conv2d_grad_input", conv_samples("conv2d_grad_input"), conv2d_grad_input, FLOATS, slack=16),
    OpInfo("conv2d_grad_weight", conv_samples("conv2d_grad_weight"), conv2d_grad_weight, FLOATS, slack=16),
    OpInfo("max_pool2d", pool_samples("max_pool2d"), max_pool2d, NUMBERS, lambda sample, dtype: (dtype, int64)),
    OpInfo("max_pool2d_grad", pool_samples("max_pool2d_grad"), max_pool2d_grad, FLOATS, slack=4),
    OpInfo("avg_pool2d", pool_samples("avg_pool2d"), avg_pool2d, FLOATS, slack=4),
    OpInfo("avg_pool2d_grad", pool_samples("avg_pool2d_grad"), avg_pool2d_grad, FLOATS, slack=4),
]
