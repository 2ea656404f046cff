"""Convolutions, windows and padding."""

from __future__ import annotations

from .case import Case, Draw, call


def convolution(d: Draw) -> Case:
    rank, groups = d.size(1, 3), d.one([1, 1, 2, 3])
    inside, out = groups * d.size(1, 2), groups * d.size(1, 2)
    kernel, dilation = d.sizes(rank, 1, 3), d.extent(rank, 1, 2)
    padding = d.one([d.extent(rank, 0, 2), "valid", "same"])
    stride = 1 if padding == "same" and d.chance(0.9) else d.extent(rank, 1, 3)
    x = d.values(*d.batch(inside), *d.sizes(rank, 3, 7))
    operands = {"x": x, "w": d.values(out, inside // groups, *kernel)}
    if d.chance(0.5):
        operands["b"] = d.values(out)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return Case(call(f"conv{rank}d", *operands, **options), operands, list(operands))


def transposed(d: Draw) -> Case:
    rank, groups = d.size(1, 3), d.one([1, 1, 2, 3])
    inside, out = groups * d.size(1, 2), groups * d.size(1, 2)
    stride, dilation = d.sizes(rank, 1, 3), d.sizes(rank, 1, 2)
    extra = tuple(d.size(0, max(s, g) - (0 if d.chance(0.1) else 1)) for s, g in zip(stride, dilation))
    x = d.values(*d.batch(inside), *d.sizes(rank, 2, 4))
    kernel = d.sizes(rank, 1, 3)
    operands = {"x": x, "w": d.values(inside, out // groups, *kernel)}
    if d.chance(0.5):
        operands["b"] = d.values(out)
    # PyTorch's kernels disagree on results without elements.
    whole = [(n - 1) * s + g * (k - 1) + 1 for n, s, g, k in zip(x.shape[-rank:], stride, dilation, kernel)]
    padding = d.extent(rank, 0, 1) if min(whole) > 2 else 0
    options = {"stride": stride, "padding": padding, "output_padding": extra, "groups": groups, "dilation": dilation}
    return Case(call(f"conv_transpose{rank}d", *operands, **options), operands, list(operands))


def unfold(d: Draw) -> Case:
    x = d.values(*d.batch(2), *d.sizes(2, 3, 6))
    options = {"dilation": d.extent(2, 1, 2), "padding": d.extent(2, 0, 2), "stride": d.extent(2, 1, 2)}
    return Case(call("unfold", "x", kernel_size=d.extent(2, 1, 3), **options), {"x": x}, ["x"])


def fold(d: Draw) -> Case:
    size, kernel = d.sizes(2, 3, 6), d.sizes(2, 1, 3)
    dilation, padding, stride = d.sizes(2, 1, 2), d.sizes(2, 0, 1), d.sizes(2, 1, 2)
    windows = 1
    for i in range(2):
        windows *= max((size[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1, 1)
    rows = 2 * kernel[0] * kernel[1] + d.chance(0.05)
    x = d.values(*((d.size(1, 2), rows) if d.chance(0.7) else (rows,)), windows)
    options = {"kernel_size": kernel, "dilation": dilation, "padding": padding, "stride": stride}
    return Case(call("fold", "x", output_size=size, **options), {"x": x}, ["x"])


def padding(d: Draw) -> Case:
    pairs = d.size(1, 3)
    mode = d.one(["constant", "reflect", "replicate", "circular"])
    x = d.values(*d.sizes(pairs + d.size(1, 2), 2, 4))
    low, high = d.one([(-1, 1), (0, 3)]) if mode == "circular" else (-1, 3)
    widths = tuple(d.size(low, high) for _ in range(2 * pairs - d.chance(0.03)))
    value = d.one([None, 1.5]) if mode == "constant" or d.chance(0.05) else None
    return Case(call("pad", "x", pad=widths, mode=mode, value=value), {"x": x}, ["x"])


FAMILIES = {
    "convolution": convolution,
    "transposed_convolution": transposed,
    "unfold": unfold,
    "fold": fold,
    "pad": padding,
}
