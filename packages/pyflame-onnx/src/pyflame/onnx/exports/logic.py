"""Comparisons, logic and bits."""

from __future__ import annotations

import pyflame as pf

from .elementwise import floor_divide
from .table import Context, exports

COMPARE = {"eq": "Equal", "lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual"}
LOGIC = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}
BITS = {"bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor"}


@exports(*COMPARE)
def compare(c: Context, a: str, b: str) -> str:
    return c.e.op(COMPARE[c.node.op_type], a, b)


@exports("ne")
def ne(c: Context, a: str, b: str) -> str:
    return c.e.op("Not", c.e.op("Equal", a, b))


@exports("logical_not")
def logical_not(c: Context, x: str) -> str:
    return c.e.op("Not", c.e.cast(x, pf.bool))


@exports(*LOGIC)
def logic(c: Context, a: str, b: str) -> str:
    return c.e.op(LOGIC[c.node.op_type], c.e.cast(a, pf.bool), c.e.cast(b, pf.bool))


@exports(*BITS)
def bits(c: Context, a: str, b: str) -> str:
    kind = BITS[c.node.op_type]
    if c.dtype is pf.bool:
        return c.e.op(kind, a, b)
    if c.opset < 18:
        raise NotImplementedError(
            f"[onnx] {c.node.op_type} of {c.dtype.name} needs opset 18, the export is for {c.opset}: "
            "give opset_version=18 or more"
        )
    return c.e.op(f"Bitwise{kind}", a, b)


@exports("bitwise_not")
def bitwise_not(c: Context, x: str) -> str:
    if c.dtype is pf.bool:
        return c.e.op("Not", x)
    if c.opset >= 18:
        return c.e.op("BitwiseNot", x)
    return c.e.op("Sub", c.e.like(255 if c.dtype is pf.uint8 else -1, x), x)


def shifted_out(c: Context, b: str) -> str:
    """Whether nothing is left: the distance is the width or more, or negative."""
    e = c.e
    far = e.op("GreaterOrEqual", b, e.like(8 * c.dtype.itemsize, b))
    return far if c.dtype is pf.uint8 else e.op("Or", far, e.op("Less", b, e.like(0, b)))


@exports("bitwise_left_shift", "bitwise_right_shift")
def shift(c: Context, a: str, b: str) -> str:
    """Times or divided by a power of two: BitShift is for unsigned integers only."""
    e, left = c.e, c.node.op_type == "bitwise_left_shift"
    if c.dtype is pf.uint8:
        out = shifted_out(c, b)
        safe = e.op("Where", out, e.like(0, b), b)
        moved = e.op("BitShift", a, safe, direction="LEFT" if left else "RIGHT")
        return e.op("Where", out, e.like(0, a), moved)
    out, wide = shifted_out(c, b), e.cast(a, pf.int64)
    limit = min(8 * c.dtype.itemsize, 62)
    distance = e.cast(e.op("Where", out, e.like(0, b), b), pf.int64)
    near = e.op("Min", distance, e.const(limit, pf.int64))
    power = e.op("Pow", e.const(2, pf.int64), near)
    if left:
        rest = e.op("Pow", e.const(2, pf.int64), e.op("Sub", distance, near))
        moved = e.op("Mul", e.op("Mul", wide, power), rest)
        return e.op("Where", out, e.like(0, a), e.cast(moved, c.dtype))
    moved = e.cast(floor_divide(c, wide, power), c.dtype)
    sign = e.op("Where", e.op("Less", a, e.like(0, a)), e.like(-1, a), e.like(0, a))
    moved = e.op("Where", e.op("Greater", distance, near), sign, moved)
    return e.op("Where", out, sign, moved)
