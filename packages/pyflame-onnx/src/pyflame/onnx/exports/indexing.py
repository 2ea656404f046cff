"""Reading and writing by index, and triangles."""

from __future__ import annotations

import numpy as np

import pyflame as pf

from .dims import Varying
from .table import Context, exports

# As the core numbers them, with the opset that brought each.
REDUCTIONS = {0: ("mul", 16), 1: ("max", 18), 2: ("min", 18)}


@exports("gather")
def gather(c: Context, x: str, index: str) -> str:
    e, axis, rank = c.e, c.axis(), c.rank(0)
    if rank == 0:
        return e.op("Expand", x, e.op("Shape", index)) if c.rank(1) else x
    if c.rank(1) == 0:
        index = e.reshape(index, [1] * rank)
    others = [k for k in range(rank) if k != axis and c.rank(1) == rank and c.shape(0)[k] != c.shape(1)[k]]
    if others:  # only the axis itself may differ
        bounds = e.op("Gather", e.op("Shape", index), e.ints(list(others)), axis=0)
        x = e.op("Slice", x, e.ints([0] * len(others)), bounds, e.ints(list(others)))
    return e.op("GatherElements", x, c.e.cast(index, pf.int64), axis=c.axis())


@exports("index_select")
def index_select(c: Context, x: str, index: str) -> str:
    e = c.e
    if c.rank(1) == 0:  # stands for one of one element
        index = e.reshape(index, [1])
    if c.rank(0) == 0:
        return e.op("Expand", x, e.op("Shape", index)) if c.rank() else x
    return e.op("Gather", x, index if c.dtype_of(1) in (pf.int32, pf.int64) else e.cast(index, pf.int64), axis=c.axis())


def scattered(c: Context, base: str, index: str, source: str, reduction: str, since: int) -> str:
    """ScatterElements, of the part of the source that the index covers."""
    e = c.e
    if c.opset < since:
        raise NotImplementedError(
            f"[onnx] {c.node.op_type} needs opset {since}, the export is for {c.opset}: give opset_version={since}"
        )
    rank = c.rank(0)
    if rank == 0:
        base, index, source = (e.reshape(name, [1]) for name in (base, index, source))
    elif c.shape(2) != c.shape(1):
        bounds = e.op("Shape", index)
        axes = e.ints(list(range(rank)))
        source = e.op("Slice", source, e.ints([0] * rank), bounds, axes)
    index = e.cast(index, pf.int64)
    boolean = e.dtypes[base] is pf.bool
    if boolean:
        base, source = e.cast(base, pf.int32), e.cast(source, pf.int32)
        reduction = {"add": "max", "mul": "min"}.get(reduction, reduction)
    attrs = {} if reduction == "none" else {"reduction": reduction}
    found = e.op("ScatterElements", base, index, source, axis=c.axis() if rank else 0, **attrs)
    found = e.cast(found, pf.bool) if boolean else found
    return e.op("Squeeze", found, e.ints([0])) if rank == 0 else found


@exports("scatter")
def scatter(c: Context, base: str, index: str, source: str) -> str:
    return scattered(c, base, index, source, "none", 13)


@exports("scatter_add")
def scatter_add(c: Context, base: str, index: str, source: str) -> str:
    return scattered(c, base, index, source, "add", 18 if c.dtype is pf.bool else 16)


@exports("scatter_reduce")
def scatter_reduce(c: Context, base: str, index: str, source: str) -> str:
    reduction, since = REDUCTIONS[c.attr("reduce")]
    return scattered(c, base, index, source, reduction, 18 if c.dtype is pf.bool else since)


@exports("index_add")
def index_add(c: Context, base: str, index: str, source: str) -> str:
    e, rank = c.e, c.rank(0)
    if any(one == 0 for one in c.shape(2)):
        return base
    if rank:
        axis = c.axis()
        count = c.shape(1)[0] if c.rank(1) else 1
        shaped = e.reshape(index, [count if k == axis else 1 for k in range(rank)])
        index = e.op("Expand", shaped, e.op("Shape", source))
    return added(c, base, index, source)


def added(c: Context, base: str, index: str, source: str) -> str:
    e = c.e
    if c.opset < 16:
        raise NotImplementedError(
            f"[onnx] index_add needs opset 16, the export is for {c.opset}: give opset_version=16"
        )
    rank = c.rank(0)
    if rank == 0:
        base, index, source = e.reshape(base, [1]), e.reshape(index, [1]), e.reshape(source, [1])
    boolean = c.dtype is pf.bool
    if boolean:
        base, source = e.cast(base, pf.int32), e.cast(source, pf.int32)
    index = e.cast(index, pf.int64)
    found = e.op("ScatterElements", base, index, source, axis=c.axis() if rank else 0, reduction="add")
    found = e.cast(found, pf.bool) if boolean else found
    return e.op("Squeeze", found, e.ints([0])) if rank == 0 else found


@exports("tril", "triu")
def triangle(c: Context, x: str) -> str:
    e, upper, diagonal = c.e, int(c.node.op_type == "triu"), c.attr("diagonal", 0)
    if c.opset >= 14:
        return e.op("Trilu", x, e.const(diagonal, pf.int64), upper=upper)
    rows, columns = c.shape(0)[-2:]
    if isinstance(rows, Varying) or isinstance(columns, Varying):
        raise NotImplementedError("[onnx] a triangle of dynamic size needs opset 14: give opset_version=14")
    ones = np.ones((rows, columns), bool)
    kept = np.triu(ones, diagonal) if upper else np.tril(ones, diagonal)
    return e.op("Where", e.const(kept, pf.bool), x, e.like(0, x))
