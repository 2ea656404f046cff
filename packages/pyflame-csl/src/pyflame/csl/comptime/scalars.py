"""Arithmetic of the scalar types, as the machine does it."""

from __future__ import annotations

import ctypes
import math
import operator
import struct
from collections.abc import Callable
from typing import Any

from ..ir import SCALARS
from .types import (
    BOOL,
    COMPTIME_INT,
    F16,
    F32,
    FLOAT_LIKE,
    FLOATS,
    INTS,
    Type,
    int_range,
    scalar_of,
)

_FORMATS = {"bool": "?", "i8": "b", "u8": "B", "i16": "h", "u16": "H", "i32": "i", "u32": "I", "i64": "q", "u64": "Q"}
_FORMATS |= {"f16": "e", "f32": "f"}
MAX_COMPTIME_BITS = 4096  # a comptime_int past this is a mistake, not a number


class ArithmeticFault(Exception):
    """An operation without a result, such as a division by zero."""


def wrap(type_: Type, value: int) -> int:
    """`value` modulo the width of an integer type."""
    low, high = int_range(type_)
    return value if low <= value <= high else (value - low) % (high - low + 1) + low


def round_f32(value: float) -> float:
    """The nearest f32."""
    return ctypes.c_float(value).value


def round_f16(value: float) -> float:
    """The nearest f16."""
    try:
        return float(struct.unpack("<e", struct.pack("<e", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def fit(type_: Type, value: float) -> int | float | bool:
    """The value of `type_` nearest to the exact result `value`: integers wrap, floats round."""
    if type_ in INTS:
        return wrap(type_, int(value))
    if type_ == F32:
        return round_f32(value)
    if type_ == F16:
        return round_f16(value)
    if type_ == COMPTIME_INT and int(value).bit_length() > MAX_COMPTIME_BITS:
        raise ArithmeticFault(f"a comptime_int has more than {MAX_COMPTIME_BITS} bits")
    return value


def convert(target: Type, source: Type, value: int | float | bool) -> int | float | bool:
    """`@as`: float to integer truncates toward zero and saturates, integers wrap, anything to bool is `!= 0`."""
    if target == BOOL:
        return value != 0
    if target in FLOAT_LIKE:
        try:
            return fit(target, float(value))
        except OverflowError:
            return math.copysign(math.inf, value)
    if source in FLOAT_LIKE:
        if math.isnan(value):
            return 0
        if target == COMPTIME_INT:
            if math.isinf(value):
                raise ArithmeticFault("infinity has no integer value")
            return int(value)
        low, high = int_range(target)
        return low if value <= low else high if value >= high else int(value)
    return int(value) if target == COMPTIME_INT else wrap(target, int(value))


def _divide(type_: Type, a: float, b: float) -> float:
    if type_ in FLOAT_LIKE:
        if b:
            return a / b
        if a == 0 or math.isnan(a):
            return math.nan
        return math.copysign(math.inf, a) * math.copysign(1.0, b)
    if b == 0:
        raise ArithmeticFault("division by zero")
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _remainder(type_: Type, a: float, b: float) -> float:
    if b == 0:
        if type_ in FLOAT_LIKE:
            return math.nan
        raise ArithmeticFault("remainder of a division by zero")
    if type_ in FLOAT_LIKE:
        return math.fmod(a, b)
    return a - b * _divide(type_, a, b)  # the sign of the dividend, as truncating division has it


def _shift_left(type_: Type, a: int, b: int) -> int:
    width = MAX_COMPTIME_BITS if type_ == COMPTIME_INT else SCALARS[type_.name] * 8
    if b < 0:
        raise ArithmeticFault(f"shift by {b}, which is negative")
    if b >= width:
        if type_ == COMPTIME_INT:
            raise ArithmeticFault(f"a comptime_int has more than {MAX_COMPTIME_BITS} bits")
        return 0
    return a << b


def _shift_right(type_: Type, a: int, b: int) -> int:
    if b < 0:
        raise ArithmeticFault(f"shift by {b}, which is negative")
    return a >> min(b, MAX_COMPTIME_BITS)


ARITHMETIC: dict[str, Callable[[Type, Any, Any], float]] = {
    "+": lambda t, a, b: a + b,
    "-": lambda t, a, b: a - b,
    "*": lambda t, a, b: a * b,
    "/": _divide,
    "%": _remainder,
    "&": lambda t, a, b: a & b,
    "|": lambda t, a, b: a | b,
    "^": lambda t, a, b: a ^ b,
    "<<": _shift_left,
    ">>": _shift_right,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
INT_ONLY = frozenset({"&", "|", "^", "<<", ">>"})


def arithmetic(op: str, type_: Type, a: int | float, b: int | float) -> int | float | bool:
    """`a op b`, both of `type_` (a shift count may have any type)."""
    try:
        return fit(type_, ARITHMETIC[op](type_, a, b))
    except OverflowError:  # a comptime_float, or an integer too large for one
        return math.inf


def encode(type_: Type, value: int | float | bool) -> bytes:
    """The bytes of one scalar in memory, little-endian."""
    return struct.pack("<" + _FORMATS[scalar_of(type_)], value)


def bits_of(type_: Type, value: int | float | bool) -> int:
    """The 64-bit register pattern of a scalar: signed types sign-extended, all others zero-extended."""
    if type_ in FLOATS:
        return int.from_bytes(encode(type_, value), "little")
    return int(value) & 0xFFFFFFFFFFFFFFFF


def encode_all(type_: Type, values: list[int | float | bool]) -> bytes:
    """The bytes of consecutive scalars in memory."""
    return struct.pack(f"<{len(values)}{_FORMATS[scalar_of(type_)]}", *values)


def bitcast(target: Type, source: Type, value: int | float | bool) -> int | float | bool:
    """The value of `target` with the same bits."""
    decoded: int | float | bool = struct.unpack("<" + _FORMATS[target.name], encode(source, value))[0]
    return decoded


def exact_in(type_: Type, value: int) -> bool:
    """Whether an integer type holds `value`."""
    low, high = int_range(type_)
    return low <= value <= high
