"""Comparisons, logic, bits and choices."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import pyflame as pf
from pyflame import Tensor

from ..values import Carried, ElementType
from .registry import maps
from .unsigned import check_integer, comparison, wrap


@maps("Equal", 7, 11, 13, 19, carried=comparison)
def equal(a: Tensor, b: Tensor) -> Tensor:
    return pf.eq(a, b)


@maps("Greater", 7, 9, 13, carried=comparison)
def greater(a: Tensor, b: Tensor) -> Tensor:
    return pf.gt(a, b)


@maps("GreaterOrEqual", 12, 16, carried=comparison)
def greater_or_equal(a: Tensor, b: Tensor) -> Tensor:
    return pf.ge(a, b)


@maps("Less", 7, 9, 13, carried=comparison)
def less(a: Tensor, b: Tensor) -> Tensor:
    return pf.lt(a, b)


@maps("LessOrEqual", 12, 16, carried=comparison)
def less_or_equal(a: Tensor, b: Tensor) -> Tensor:
    return pf.le(a, b)


@maps("And", 7)
def and_(a: Tensor, b: Tensor) -> Tensor:
    return pf.logical_and(a, b)


@maps("Or", 7)
def or_(a: Tensor, b: Tensor) -> Tensor:
    return pf.logical_or(a, b)


@maps("Xor", 7)
def xor(a: Tensor, b: Tensor) -> Tensor:
    return pf.logical_xor(a, b)


@maps("Not", 1)
def not_(x: Tensor) -> Tensor:
    return pf.logical_not(x)


@maps("BitwiseAnd", 18, carried="same")
def bitwise_and(a: Tensor, b: Tensor) -> Tensor:
    return pf.bitwise_and(a, b)


@maps("BitwiseOr", 18, carried="same")
def bitwise_or(a: Tensor, b: Tensor) -> Tensor:
    return pf.bitwise_or(a, b)


@maps("BitwiseXor", 18, carried="same")
def bitwise_xor(a: Tensor, b: Tensor) -> Tensor:
    return pf.bitwise_xor(a, b)


def _flipped(
    function: Callable[..., Tensor], values: Sequence[Tensor], kind: ElementType, attributes: dict[str, Any]
) -> Carried:
    check_integer(kind)
    return wrap(function(*values), kind)


@maps("BitwiseNot", 18, carried=_flipped)
def bitwise_not(x: Tensor) -> Tensor:
    return pf.bitwise_not(x)


def _shifted(
    function: Callable[..., Tensor], values: Sequence[Tensor], kind: ElementType, attributes: dict[str, Any]
) -> Carried:
    check_integer(kind)
    a, b = (pf.cast(value, pf.int64) for value in values)
    shifted = function(a, b, **attributes)
    if kind.name == "UINT64" and attributes["direction"] == "RIGHT":
        # A signed shift drags the highest bit along: it is masked away.
        shifted = pf.where(b == 0, a, pf.bitwise_and(shifted, pf.bitwise_right_shift(2**63 - 1 + 0 * a, b - 1)))
    return wrap(shifted, kind)


@maps("BitShift", 11, 28, carried=_shifted)
def bit_shift(a: Tensor, b: Tensor, *, direction: str) -> Tensor:
    shift = pf.bitwise_left_shift if direction == "LEFT" else pf.bitwise_right_shift
    return shift(a, b)


@maps("Where", 9, 16, carried="same")
def where(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return pf.where(condition, a, b)


@maps("IsNaN", 9, 13, 20)
def is_nan(x: Tensor) -> Tensor:
    return pf.isnan(x)


@maps("IsInf", 10, 20)
def is_inf(x: Tensor, *, detect_negative: int = 1, detect_positive: int = 1) -> Tensor:
    wanted = [sign for sign, detect in ((math.inf, detect_positive), (-math.inf, detect_negative)) if detect]
    found = [pf.eq(x, sign) for sign in wanted]
    return functools.reduce(pf.logical_or, found) if found else pf.zeros_like(x, dtype=pf.bool_)
