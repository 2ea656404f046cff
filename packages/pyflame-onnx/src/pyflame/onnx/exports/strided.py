"""Views and writes by positions in memory, as changes in place record them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import pyflame as pf

from .dims import Dim, Varying, combine, product
from .table import Context, exports


def contiguous(shape: Sequence[Dim]) -> list[Dim]:
    """The strides of a tensor that lies in memory in order."""
    return [product(shape[axis + 1 :]) for axis in range(len(shape))]


def is_whole(before: Sequence[Dim], size: Sequence[Dim], stride: Sequence[Dim], offset: Dim) -> bool:
    """Whether a view is everything, in order."""
    return offset == 0 and list(before) == list(size) and list(stride) == contiguous(size)


def places(c: Context, size: Sequence[Dim], stride: Sequence[Dim], offset: Dim) -> str:
    """Positions in memory of the elements of a view."""
    e, rank = c.e, len(size)
    counts = [one for one in size if not isinstance(one, Varying)]
    steps = [one for one in stride if not isinstance(one, Varying)]
    if len(counts) == len(steps) == rank and not isinstance(offset, Varying):
        found = np.full(tuple(counts), offset, np.int64)
        for axis in range(rank):
            column = [-1 if k == axis else 1 for k in range(rank)]
            found += (np.arange(counts[axis]) * steps[axis]).reshape(column)
        return e.const(found, pf.int64)
    total = e.squeeze(e.ints([offset]), [0])
    for axis, (count, step) in enumerate(zip(size, stride, strict=True)):
        numbers = e.op("Range", e.const(0, pf.int64), e.squeeze(e.ints([count]), [0]), e.const(1, pf.int64))
        scaled = e.op("Mul", numbers, e.ints([step])) if step != 1 else numbers
        total = e.op("Add", total, e.unsqueeze(scaled, [k for k in range(rank) if k != axis]))
    return total


def tuple_attr(c: Context, name: str) -> list[Dim]:
    """An attribute of whole numbers, each of which may depend on dynamic axes."""
    return list(c.program.attr(c.node, name))


@exports("as_strided")
def as_strided(c: Context, x: str) -> str:
    size, stride, offset = c.shape(), tuple_attr(c, "stride"), c.program.attr(c.node, "offset", 0)
    if is_whole(c.shape(0), size, stride, offset):
        return x
    if any(one == 0 for one in size):
        return c.e.empty(size, c.dtype)
    flat = c.e.op("Reshape", x, c.e.ints([-1]))
    return c.e.op("Gather", flat, places(c, size, stride, offset), axis=0)


@exports("as_strided_scatter")
def as_strided_scatter(c: Context, x: str, source: str) -> str:
    size, stride, offset = c.shape(1), tuple_attr(c, "stride"), c.program.attr(c.node, "offset", 0)
    if is_whole(c.shape(0), size, stride, offset):
        return source
    if any(one == 0 for one in (*size, *c.shape())):
        return x
    e = c.e
    flat, index = (e.op("Reshape", name, e.ints([-1])) for name in (x, places(c, size, stride, offset)))
    written = e.op("ScatterElements", flat, index, e.op("Reshape", source, e.ints([-1])))
    return e.reshaped(written, [combine(lambda *n: int(np.prod(n)), *c.shape())] if c.shape() else [1], c.shape())
