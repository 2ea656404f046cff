"""Running sums, products and extremes."""

from __future__ import annotations

import numpy as np

import pyflame as pf

from .dims import Varying
from .table import Context, exports, unsupported

unsupported("it computes one element after the other, which ONNX has no operator for: export without it", "linear_scan")


@exports("cumsum")
def cumsum(c: Context, x: str) -> str:
    wide = c.e.cast(x, c.dtype)
    if c.rank(0) == 0:
        return wide
    return c.e.op("CumSum", wide, c.e.const(c.axis(), pf.int64), reverse=int(c.attr("reverse", False)))


def windows(c: Context, x: str, fill: float) -> str:
    """A further last axis that holds, for each position, what is scanned up to there, and `fill` for the rest."""
    e, axis, rank = c.e, c.axis(), c.rank(0)
    size = c.shape(0)[axis]
    if isinstance(size, Varying):
        raise c.refuse("the length of a scan")
    order = [k for k in range(rank) if k != axis] + [axis]
    moved = e.unsqueeze(e.op("Transpose", x, perm=order), [rank - 1])
    ones = np.ones((size, size), bool)
    kept = np.triu(ones) if c.attr("reverse", False) else np.tril(ones)
    return e.op("Where", e.const(kept, pf.bool), moved, e.like(fill, x))


def back(c: Context, name: str) -> str:
    """Move the last axis to where the scanned one is."""
    rank, axis = c.rank(0), c.axis()
    order = list(range(rank - 1))
    order.insert(axis, rank - 1)
    return c.e.op("Transpose", name, perm=order)


@exports("cumprod")
def cumprod(c: Context, x: str) -> str:
    wide = c.e.cast(x, c.dtype)
    if c.rank(0) == 0:
        return wide
    rows = windows(c, wide, 1)
    return back(c, c.e.reduce("ReduceProd", rows, [c.rank(0)], False))


@exports("logcumsumexp")
def logcumsumexp(c: Context, x: str) -> str:
    e = c.e
    if c.rank(0) == 0:
        return x
    rows = windows(c, x, -np.inf)
    top = e.reduce("ReduceMax", rows, [c.rank(0)], True)
    finite = e.op("Where", e.op("IsInf", top), e.like(0, x), top)
    total = e.reduce("ReduceSum", e.op("Exp", e.op("Sub", rows, finite)), [c.rank(0)], False)
    return back(c, e.op("Add", e.op("Log", total), e.squeeze(finite, [c.rank(0)])))


@exports("cummax", "cummin")
def cumextreme(c: Context, x: str) -> tuple[str, str]:
    """Values, and the last place each was reached."""
    e, largest, rank = c.e, c.node.op_type == "cummax", c.rank(0)
    if rank == 0:
        return x, e.const(0, pf.int64)
    if c.dtype.is_floating_point:
        edge: float = -np.inf if largest else np.inf
    else:
        info = np.iinfo(c.dtype.to_numpy())
        edge = info.min if largest else info.max
    rows = windows(c, x, edge)
    nan = e.op("IsNaN", rows) if c.dtype.is_floating_point else ""
    numbers = e.op("Where", nan, e.like(edge, x), rows) if nan else rows
    best = e.reduce("ReduceMax" if largest else "ReduceMin", numbers, [rank], True)
    size = c.shape(0)[c.axis()]
    assert not isinstance(size, Varying)
    hit = e.op("And", e.op("Equal", rows, best), e.const(np.tril(np.ones((size, size), bool)), pf.bool))
    if nan:  # what is no number stays from there on
        some = e.op("Greater", e.reduce("ReduceSum", e.cast(nan, pf.int32), [rank], True), e.const(0, pf.int32))
        best = e.op("Where", some, e.like(np.nan, x), best)
        hit = e.op("Or", e.op("And", some, nan), e.op("And", e.op("Not", some), hit))
    found = e.op("Where", hit, e.const(np.arange(size), pf.int64), e.const(-1, pf.int64))
    return back(c, e.squeeze(best, [rank])), back(c, e.reduce("ReduceMax", found, [rank], False))
