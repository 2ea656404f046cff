"""Convolution and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

import pyflame as pf

from .dims import Varying, combine
from .table import Context, exports, unsupported


def both(padding: tuple[int, ...]) -> list[int]:
    """ONNX pads of equal padding on both sides."""
    return [*padding, *padding]


def geometry(c: Context, rank: int) -> dict[str, Any]:
    """Attributes of a convolution over the last `rank` of its two axes."""
    return {
        "strides": list(c.attr("stride"))[-rank:],
        "pads": both(c.attr("padding")[-rank:]),
        "dilations": list(c.attr("dilation"))[-rank:],
        "group": c.attr("groups"),
    }


@exports("conv2d")
def conv2d(c: Context, x: str, weight: str) -> str:
    return convolution(c, x, weight, "")


def convolution(c: Context, x: str, weight: str, bias: str, rank: int = 2) -> str:
    """Conv over the last `rank` axes of a recorded convolution."""
    operands = [name for name in (x, weight, bias) if name]
    return c.e.op("Conv", *operands, kernel_shape=list(c.shape(1)[-rank:]), **geometry(c, rank))


@exports("conv2d_grad_input")
def conv2d_grad_input(c: Context, grad: str, weight: str) -> str:
    return transposed(c, grad, weight, "")


def transposed(c: Context, x: str, weight: str, bias: str, rank: int = 2) -> str:
    """ConvTranspose over the last `rank` axes of the gradient of a convolution."""
    operands = [name for name in (x, weight, bias) if name]
    extra = [output_padding(c, axis) for axis in range(2)][-rank:]
    return c.e.op(
        "ConvTranspose", *operands, kernel_shape=list(c.shape(1)[-rank:]),
        output_padding=extra if any(extra) else None, **geometry(c, rank),
    )  # fmt: skip


def output_padding(c: Context, axis: int) -> int:
    """By how much the result is larger than the smallest one that fits."""
    kernel, stride = c.shape(1)[2 + axis], c.attr("stride")[axis]
    dilation, padding = c.attr("dilation")[axis], c.attr("padding")[axis]
    wanted = c.size("input_h" if axis == 0 else "input_w")
    found = combine(
        lambda size, source, k: size - ((source - 1) * stride + dilation * (k - 1) + 1 - 2 * padding),
        wanted, c.shape(0)[2 + axis], kernel,
    )  # fmt: skip
    if isinstance(found, Varying):
        raise c.refuse("the output padding of a transposed convolution")
    return found


@exports("conv2d_grad_weight")
def conv2d_grad_weight(c: Context, grad: str, x: str) -> str:
    """A convolution of the input with the gradient, batch and channels exchanged, group by group."""
    e, groups = c.e, c.attr("groups")
    stride, padding, dilation = c.attr("stride"), c.attr("padding"), c.attr("dilation")
    kernel = [c.attr("kernel_h"), c.attr("kernel_w")]
    channels, results = c.shape(1)[-3], c.shape(0)[-3]
    if isinstance(channels, Varying) or isinstance(results, Varying):
        raise c.refuse("the number of channels")
    parts = []
    for group in range(groups):
        inputs, outputs = channels // groups, results // groups
        xs = e.slice(x, 1, group * inputs, (group + 1) * inputs) if groups > 1 else x
        gs = e.slice(grad, 1, group * outputs, (group + 1) * outputs) if groups > 1 else grad
        xs, gs = (e.op("Transpose", name, perm=[1, 0, 2, 3]) for name in (xs, gs))
        full = e.op("Conv", xs, gs, strides=list(dilation), dilations=list(stride), pads=both(padding))
        for axis, size in enumerate(kernel):
            full = e.slice(full, 2 + axis, 0, size)
        parts.append(e.op("Transpose", full, perm=[1, 0, 2, 3]))
    return parts[0] if len(parts) == 1 else e.op("Concat", *parts, axis=0)


def batched(c: Context, x: str) -> tuple[str, bool]:
    """Pooling operators want a batch axis."""
    return (x, False) if c.rank(0) == 4 else (c.e.unsqueeze(x, [0]), True)


@exports("max_pool2d")
def max_pool2d(c: Context, x: str) -> tuple[str, ...]:
    e, floating = c.e, c.dtype.is_floating_point
    if not floating and c.dtype not in (pf.int8, pf.uint8):
        raise NotImplementedError(f"[onnx] MaxPool does not take {c.dtype.name}: convert to float32 or float64 first")
    x, alone = batched(c, x)
    wanted = len(c.used) > 1 and c.used[1]
    values, places = e.ops(
        "MaxPool", x, outputs=[True, wanted], kernel_shape=list(c.attr("kernel")), strides=list(c.attr("stride")),
        pads=both(c.attr("padding")), dilations=list(c.attr("dilation")), ceil_mode=int(c.attr("ceil_mode")),
    )  # fmt: skip
    results = [values]
    if wanted:  # counted over the whole tensor there, over the plane here
        height, width = c.shape(0)[-2:]
        plane = e.op("Mul", e.ints([height]), e.ints([width]))
        results.append(e.op("Mod", places, plane))
    return tuple(e.squeeze(name, [0]) if alone else name for name in results)


@exports("avg_pool2d")
def avg_pool2d(c: Context, x: str) -> str:
    e, kernel, padding = c.e, c.program.ints(c.node, "kernel", 2), c.attr("padding")
    x, alone = batched(c, x)
    if tuple(kernel) == c.shape(0)[-2:] and not any(padding) and not c.attr("divisor"):
        found = e.op("GlobalAveragePool", x)
        return e.squeeze(found, [0]) if alone else found
    kernel, divisor = c.attr("kernel"), c.attr("divisor")
    stride, ceil, include = c.attr("stride"), c.attr("ceil_mode"), c.attr("count_include_pad")
    if ceil and (include or divisor):
        x = overhang(c, x, kernel, stride, padding)
        found = e.op("AveragePool", x, kernel_shape=list(kernel), strides=list(stride))
        found = e.op("Mul", found, window_scale(c, kernel, stride, padding, divisor))
    else:
        found = e.op(
            "AveragePool", x, kernel_shape=list(kernel), strides=list(stride), pads=both(padding),
            ceil_mode=int(ceil), count_include_pad=int(bool(include or divisor)),
        )  # fmt: skip
        if divisor:
            found = e.op("Mul", found, e.like(kernel[0] * kernel[1] / divisor, found))
    return e.squeeze(found, [0]) if alone else found


def static_plane(c: Context) -> tuple[int, int]:
    height, width = c.shape(0)[-2:]
    if isinstance(height, Varying) or isinstance(width, Varying):
        raise c.refuse("the size of a plane pooled with ceil_mode")
    return height, width


def overhang(c: Context, x: str, kernel: Any, stride: Any, padding: Any) -> str:
    """Zeros on all sides, on the far ones as many as the last window reaches beyond the padding."""
    sizes, outputs = static_plane(c), c.shape()[-2:]
    more = []
    for axis in range(2):
        out = outputs[axis]
        assert isinstance(out, int)
        more.append(max((out - 1) * stride[axis] + kernel[axis] - sizes[axis] - padding[axis], padding[axis]))
    return c.e.op("Pad", x, c.e.ints([0, 0, *padding, 0, 0, *more]), c.e.like(0, x))


def window_counts(sizes: Any, outputs: Any, kernel: Any, stride: Any, padding: Any, include: bool) -> Any:
    """How many elements each window averages over."""
    rows = []
    for axis in range(2):
        first = np.arange(outputs[axis]) * stride[axis] - padding[axis]
        last = np.minimum(first + kernel[axis], sizes[axis] + padding[axis])
        if not include:
            first, last = np.maximum(first, 0), np.minimum(last, sizes[axis])
        rows.append(last - first)
    return rows[0][:, None] * rows[1][None, :]


def window_scale(c: Context, kernel: Any, stride: Any, padding: Any, divisor: int) -> str:
    area = kernel[0] * kernel[1]
    if divisor:
        return c.e.const(area / divisor, c.dtype)
    counts = window_counts(static_plane(c), c.shape()[-2:], kernel, stride, padding, True)
    return c.e.const(area / counts, c.dtype)


@exports("max_pool2d_grad")
def max_pool2d_grad(c: Context, grad: str, places: str) -> str:
    e = c.e
    if c.opset < 16:
        raise NotImplementedError("[onnx] max_pool2d_grad needs opset 16: give opset_version=16 or more")
    shape = c.shape()
    if any(isinstance(one, Varying) for one in (*shape, *c.shape(0))):
        raise c.refuse("the shape of a pooling gradient")
    height, width = shape[-2:]
    assert isinstance(height, int) and isinstance(width, int)
    planes = int(np.prod([one for one in shape[:-2] if isinstance(one, int)], dtype=np.int64))
    inside = int(np.prod([one for one in c.shape(0)[-2:] if isinstance(one, int)], dtype=np.int64))
    zeros = e.const(np.zeros((planes, height * width)), c.dtype)
    grad, places = e.reshape(grad, [planes, inside]), e.reshape(places, [planes, inside])
    found = e.op("ScatterElements", zeros, places, grad, axis=1, reduction="add")
    return e.reshape(found, shape)


unsupported("the gradient of an average pool has no ONNX operator: export the forward pass", "avg_pool2d_grad")
