"""Order: sorting, the largest, the middle, places in a sorted row."""

from __future__ import annotations

import numpy as np

import pyflame as pf

from .dims import Dim, combine
from .table import Context, exports


def top(c: Context, x: str, count: Dim, largest: bool, ordered: bool = True) -> tuple[str, str]:
    """The first elements of an axis in order, and where they were; equal ones in their order."""
    e, boolean = c.e, c.e.dtypes[x] is pf.bool
    source = e.cast(x, pf.int32) if boolean else x
    values, places = e.ops(
        "TopK", source, e.ints([count]), outputs=2, axis=c.axis(), largest=int(largest), sorted=int(ordered)
    )
    return (e.cast(values, pf.bool) if boolean else values), places


@exports("sort")
def sort(c: Context, x: str) -> tuple[str, str]:
    if c.rank(0) == 0:
        return x, c.e.const(0, pf.int64)
    return top(c, x, c.shape(0)[c.axis()], bool(c.attr("descending", False)))


@exports("topk")
def topk(c: Context, x: str) -> tuple[str, str]:
    if c.rank(0) == 0:
        return x, c.e.const(0, pf.int64)
    return top(c, x, c.size("k"), bool(c.attr("largest", True)))


def nth(c: Context, x: str, number: Dim) -> tuple[str, str]:
    """The element that comes after `number` smaller ones, with the axis kept."""
    e = c.e
    values, places = top(c, x, combine(lambda n: n + 1, number), False)
    return e.slice(values, c.axis(), -1, 2**63 - 1), e.slice(places, c.axis(), -1, 2**63 - 1)


def kept(c: Context, *names: str) -> tuple[str, ...]:
    """Results, without the axis if it is not to be kept."""
    if c.attr("keepdim", False):
        return names
    return tuple(c.e.squeeze(name, [c.axis()]) for name in names)


@exports("kthvalue")
def kthvalue(c: Context, x: str) -> tuple[str, ...]:
    if c.rank(0) == 0:
        return x, c.e.const(0, pf.int64)
    return kept(c, *nth(c, x, combine(lambda k: k - 1, c.size("k"))))


@exports("median")
def median(c: Context, x: str) -> tuple[str, ...]:
    e = c.e
    if c.rank(0) == 0:
        return x, e.const(0, pf.int64)
    values, places = nth(c, x, combine(lambda n: (n - 1) // 2, c.shape(0)[c.axis()]))
    if c.dtype.is_floating_point:  # the first that is no number wins
        nan = e.op("IsNaN", x)
        numbers = e.cast(nan, pf.int32)
        first = e.op("ArgMax", numbers, axis=c.axis(), keepdims=1)
        some = e.op("Greater", e.reduce("ReduceSum", numbers, [c.axis()], True), e.const(0, pf.int32))
        values = e.op("Where", some, e.like(np.nan, x), values)
        places = e.op("Where", some, first, places)
    return kept(c, values, places)


@exports("nanmedian")
def nanmedian(c: Context, x: str) -> tuple[str, ...]:
    """The middle of the numbers, which come first when the others are made infinite."""
    e = c.e
    if not c.dtype.is_floating_point:
        return median(c, x)
    if c.rank(0) == 0:
        return x, e.const(0, pf.int64)
    nan = e.op("IsNaN", x)
    count = e.reduce("ReduceSum", e.cast(e.op("Not", nan), pf.int64), [c.axis()], True)
    middle = e.op(
        "Div", e.op("Max", e.op("Sub", count, e.const(1, pf.int64)), e.const(0, pf.int64)), e.const(2, pf.int64)
    )
    filled = e.op("Where", nan, e.like(np.inf, x), x)
    _, places = top(c, filled, c.shape(0)[c.axis()], False)
    where = e.op("GatherElements", places, middle, axis=c.axis())
    return kept(c, e.op("GatherElements", x, where, axis=c.axis()), where)


@exports("mode")
def mode(c: Context, x: str) -> tuple[str, ...]:
    """The most frequent element, the smallest of those, and the last place it stands at."""
    e, rank = c.e, c.rank(0)
    if rank == 0:
        return x, e.const(0, pf.int64)
    axis, size = c.axis(), c.shape(0)[c.axis()]
    source = e.cast(x, pf.int32) if c.dtype is pf.bool else x
    order = [k for k in range(rank) if k != axis] + [axis]
    moved = e.op("Transpose", source, perm=order)
    values, places = e.ops("TopK", moved, e.ints([size]), outputs=2, axis=rank - 1, largest=0, sorted=1)
    equal = e.op("Equal", e.unsqueeze(values, [rank]), e.unsqueeze(values, [rank - 1]))
    counts = e.reduce("ReduceSum", e.cast(equal, pf.int64), [rank], False)
    best = e.op("ArgMax", counts, axis=rank - 1, keepdims=1)  # the first, so the smallest
    value = e.op("GatherElements", values, best, axis=rank - 1)
    last = e.op("ArgMax", e.cast(e.op("Equal", moved, value), pf.int32), axis=-1, keepdims=1, select_last_index=1)
    inverse = [*range(axis), rank - 1, *range(axis, rank - 1)]
    value, last = (e.op("Transpose", name, perm=inverse) for name in (value, last))
    return kept(c, e.cast(value, c.dtype), last)


@exports("searchsorted")
def searchsorted(c: Context, row: str, values: str) -> str:
    """How many elements of the row come before each value."""
    e, right = c.e, c.attr("right", False)
    if e.dtypes[row] is pf.bool:
        row, values = e.cast(row, pf.int32), e.cast(values, pf.int32)
    if c.rank(0) > 1:
        row = e.unsqueeze(row, [c.rank(0) - 1])
    spread = e.unsqueeze(values, [c.rank(1)])
    if e.dtypes[row].is_floating_point:
        before = e.op("LessOrEqual" if right else "Less", row, spread)
        nan = e.op("IsNaN", spread)
        mine = e.op("IsNaN", row)
        rest = nan if right else e.op("And", nan, e.op("Not", mine))
        before = e.op("Or", before, rest)
    else:
        before = e.op("LessOrEqual" if right else "Less", row, spread)
    return e.reduce("ReduceSum", e.cast(before, pf.int64), [c.rank(1)], False)
