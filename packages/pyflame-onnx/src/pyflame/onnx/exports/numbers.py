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
    """A tensor that Python code computed from sizes: a run of whole numbers along one axis.

    Raises:
        DynamicShapeError: the arrays are something else.
    """
    dtype, shape = c.dtype, c.shape()
    long = [axis for axis in range(len(shape)) if any(array.shape[axis] != 1 for array in arrays)]
    rows = [array.reshape(-1).astype(np.int64) for array in arrays]
    steps = {int(step) for row in rows for step in np.diff(row)}
    starts = {int(row[0]) for row in rows if row.size}
    if dtype.is_floating_point and any((row != array.reshape(-1)).any() for row, array in zip(rows, arrays)):
        raise c.refuse("an array")
    if dtype in (pf.bool, pf.bfloat16) or len(long) != 1 or len(steps) > 1 or len(starts) != 1:
        raise c.refuse("an array")
    step, start = steps.pop() if steps else 1, starts.pop()
    count = c.e.squeeze(c.e.ints([shape[long[0]]]), [0])
    row = c.e.op("Range", c.e.const(0, pf.int64), count, c.e.const(1, pf.int64))
    scaled = c.e.op("Mul", row, c.e.const(step, pf.int64)) if step != 1 else row
    found = c.e.cast(c.e.op("Add", scaled, c.e.const(start, pf.int64)) if start else scaled, dtype)
    return c.e.unsqueeze(found, [axis for axis in range(len(shape)) if axis != long[0]])
