"""Tensors made from attributes."""

from __future__ import annotations

import math

import numpy as np

import pyflame as pf

from .dims import Varying
from .numbers import varying_number
from .table import Context, exports
from .types import array_in, tensor_of

LARGE = 4096  # elements; a constant of more is filled when the model runs


@exports("full")
def full(c: Context) -> str:
    value, shape = c.program.attr(c.node, "value"), c.shape()
    if isinstance(value, Varying | tuple):
        filled = varying_number(c, [node.attrs["value"] for node in c.program.row(c.node)])
        return c.e.op("Expand", filled, c.e.ints(shape)) if shape else filled
    sizes = [one for one in shape if not isinstance(one, Varying)]
    if len(sizes) < len(shape) or math.prod(sizes) > LARGE:
        return c.e.op("ConstantOfShape", c.e.ints(shape), value=tensor_of("value", array_in([value], c.dtype), c.dtype))
    return c.e.const(np.full(sizes, value), c.dtype)


@exports("arange", "arange_int")
def arange(c: Context) -> str:
    start, step, length = c.size("start"), c.attr("step"), c.size("length")
    if isinstance(start, tuple):
        raise c.refuse("the start of a range")
    if not isinstance(start, Varying) and not isinstance(length, Varying):
        return c.e.const(start + step * np.arange(length), c.dtype)
    count = c.e.squeeze(c.e.ints([length]), [0])
    row = c.e.op("Range", c.e.const(0, pf.int64), count, c.e.const(1, pf.int64))
    if isinstance(start, Varying) or c.node.op_type == "arange_int":
        scaled = c.e.op("Mul", row, c.e.const(step, pf.int64)) if step != 1 else row
        offset = c.e.squeeze(c.e.ints([start]), [0])
        return c.e.cast(c.e.op("Add", scaled, offset) if start != 0 else scaled, c.dtype)
    numbers = c.e.op("Mul", c.e.cast(row, pf.float64), c.e.const(step, pf.float64))
    return c.e.cast(c.e.op("Add", numbers, c.e.const(start, pf.float64)), c.dtype)
