"""Numbers and arrays that Python code made from sizes: how they follow from the dynamic axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

import pyflame as pf

from .dims import Varying
from .sizes import UnknownSize
from .table import Array, Context

# What a number may be of a size n: the size from the number, and the exponent back.
FORMS: tuple[tuple[Callable[[float], float], float], ...] = (
    (lambda v: v, 1.0),
    (lambda v: 1 / v, -1.0),
    (lambda v: v * v, 0.5),
    (lambda v: 1 / (v * v), -0.5),
)


def varying_number(c: Context, values: Sequence[float]) -> str:
    """A 0-d tensor of the node's dtype: n, 1/n, sqrt(n) or 1/sqrt(n) of a size n.

    Raises:
        DynamicShapeError: the number is none of these.
    """
    dtype = c.dtype
    for inverse, exponent in FORMS:
        if not all(math.isfinite(value) and value > 0 for value in values):
            break
        sizes = [inverse(value) for value in values]
        if any(abs(size - round(size)) > 1e-9 * max(size, 1) for size in sizes):
            continue
        try:
            name = c.e.squeeze(c.e.size(Varying(tuple(round(size) for size in sizes))), [0])
        except UnknownSize:
            continue
        if exponent == 1.0:
            return c.e.cast(name, dtype)
        wide = c.e.cast(name, pf.float64 if dtype is pf.float64 else pf.float32)
        root = c.e.op("Sqrt", wide) if abs(exponent) == 0.5 else wide
        return c.e.cast(c.e.op("Reciprocal", root) if exponent < 0 else root, dtype)
    raise c.refuse(f"a number that is {', '.join(f'{value:g}' for value in values)}")


def varying_array(c: Context, arrays: Sequence[Array]) -> str:
    """A tensor that Python code computed from sizes: a run of whole numbers, or the front of the longest one.

    Raises:
        DynamicShapeError: the arrays are neither.
    """
    dtype = c.dtype
    if dtype.is_floating_point or dtype is pf.bool or any(array.ndim != 1 for array in arrays):
        raise c.refuse("an array")
    steps = {int(step) for array in arrays for step in np.diff(array)}
    starts = {int(array[0]) for array in arrays if array.size}
    if len(steps) > 1 or len(starts) != 1:
        raise c.refuse("an array")
    (length,) = c.shape()
    step, start = steps.pop() if steps else 1, starts.pop()
    count = c.e.squeeze(c.e.ints([length]), [0])
    row = c.e.op("Range", c.e.const(0, pf.int64), count, c.e.const(1, pf.int64))
    scaled = c.e.op("Mul", row, c.e.const(step, pf.int64)) if step != 1 else row
    return c.e.cast(c.e.op("Add", scaled, c.e.const(start, pf.int64)) if start else scaled, dtype)
