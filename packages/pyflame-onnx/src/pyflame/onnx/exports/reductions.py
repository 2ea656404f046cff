"""Reductions of axes, and softmax."""

from __future__ import annotations

import numpy as np

import pyflame as pf

from .table import Context, exports

KINDS = {"sum": "ReduceSum", "mean": "ReduceMean", "prod": "ReduceProd", "amax": "ReduceMax", "amin": "ReduceMin"}


@exports("sum", "mean", "prod")
def reduce(c: Context, x: str) -> str:
    wide = c.e.cast(x, c.dtype)  # sums of small integers and bools are int64
    return c.e.reduce(KINDS[c.node.op_type], wide, c.axes(), c.attr("keepdim", False))


@exports("amax", "amin")
def extreme(c: Context, x: str) -> str:
    kind, axes, keep = KINDS[c.node.op_type], c.axes(), c.attr("keepdim", False)
    if c.dtype is pf.bool:
        found = c.e.reduce(kind, c.e.cast(x, pf.int32), axes, keep)
        return c.e.cast(found, pf.bool)
    return c.e.reduce(kind, x, axes, keep)


@exports("any", "all")
def truth(c: Context, x: str) -> str:
    kind = "ReduceMax" if c.node.op_type == "any" else "ReduceMin"
    axes, keep = c.axes(), c.attr("keepdim", False)
    ones = c.e.cast(c.e.cast(x, pf.bool), pf.int32)
    if not axes:
        return c.e.cast(ones, pf.bool)
    if kind == "ReduceMax":  # a sum, because the maximum of nothing is no number
        total = c.e.reduce("ReduceSum", ones, axes, keep)
        return c.e.op("Greater", total, c.e.const(0, pf.int32))
    return c.e.cast(c.e.reduce("ReduceProd", ones, axes, keep), pf.bool)


@exports("argmax", "argmin")
def arg(c: Context, x: str) -> str:
    kind = "ArgMax" if c.node.op_type == "argmax" else "ArgMin"
    dim, keep, rank = c.attr("dim", None), bool(c.attr("keepdim", False)), c.rank(0)
    x = first_nan(c, x, kind)
    if rank == 0:
        return c.e.op("Squeeze", c.e.op(kind, c.e.unsqueeze(x, [0]), axis=0, keepdims=1), c.e.ints([0]))
    if dim is None:
        found = c.e.op(kind, c.e.reshape(x, [-1]), axis=0, keepdims=0)
        return c.e.reshape(found, [1] * rank) if keep else found
    return c.e.op(kind, x, axis=dim % rank, keepdims=int(keep))


def first_nan(c: Context, x: str, kind: str) -> str:
    """What is no number wins, so it is made the extreme."""
    if not c.e.dtypes[x].is_floating_point:
        return x
    extreme = np.inf if kind == "ArgMax" else -np.inf
    return c.e.op("Where", c.e.op("IsNaN", x), c.e.like(extreme, x), x)


@exports("softmax", "log_softmax")
def softmax(c: Context, x: str) -> str:
    kind = "Softmax" if c.node.op_type == "softmax" else "LogSoftmax"
    if c.rank(0) == 0:
        return c.e.op("Squeeze", c.e.op(kind, c.e.unsqueeze(x, [0]), axis=0), c.e.ints([0]))
    return c.e.op(kind, x, axis=c.axis())


@exports("softmax_grad")
def softmax_grad(c: Context, grad: str, result: str) -> str:
    axes = [c.axis()] if c.rank(0) else []
    total = c.e.reduce("ReduceSum", c.e.op("Mul", grad, result), axes, True)
    return c.e.op("Mul", result, c.e.op("Sub", grad, total))


@exports("log_softmax_grad")
def log_softmax_grad(c: Context, grad: str, result: str) -> str:
    axes = [c.axis()] if c.rank(0) else []
    total = c.e.reduce("ReduceSum", grad, axes, True)
    return c.e.op("Sub", grad, c.e.op("Mul", c.e.op("Exp", result), total))
