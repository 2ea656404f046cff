"""Arithmetic of unsigned integers, which travel in wider signed tensors, those of 64 bits as their bit patterns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyflame as pf
from pyflame import Tensor

from ..values import Carried, ElementType, carry

LOWEST = -(2**63)


def check_integer(kind: ElementType) -> None:
    """Refuse small floats: they are stored and converted, not computed with.

    Raises:
        NotImplementedError: for such a type.
    """
    if "FLOAT" in kind.name:
        raise NotImplementedError(f"[onnx] arithmetic on {kind.name} tensors has no map: cast to FLOAT before it")


def wrap(values: Tensor, kind: ElementType) -> Carried:
    """Reduce wide values to what a type of that many bits holds."""
    if kind.name == "UINT64":
        return Carried(values, kind)
    kept = pf.remainder(pf.cast(values, pf.int64), 2**kind.bits)
    if not kind.name.startswith("U"):
        kept = pf.where(kept >= 2 ** (kind.bits - 1), kept - 2**kind.bits, kept)
    return Carried(pf.cast(kept, kind.dtype), kind)


def arithmetic(
    function: Callable[..., Tensor], values: Sequence[Tensor], kind: ElementType, attributes: dict[str, Any]
) -> Carried:
    """Compute with wide values, modulo the type's range."""
    check_integer(kind)
    return wrap(function(*(pf.cast(value, pf.int64) for value in values), **attributes), kind)


def ordered(value: Tensor, kind: ElementType) -> Tensor:
    """Return integers in the same order: the bit patterns of large numbers of 64 bits are negative."""
    return pf.bitwise_xor(value, LOWEST) if kind.name == "UINT64" else value


def ordering(
    function: Callable[..., Tensor], values: Sequence[Tensor], kind: ElementType, attributes: dict[str, Any]
) -> Carried:
    """Choose the larger or the smaller."""
    chosen = function(*(ordered(value, kind) for value in values), **attributes)
    return Carried(ordered(chosen, kind), kind)


def comparison(
    function: Callable[..., Tensor], values: Sequence[Tensor], kind: ElementType, attributes: dict[str, Any]
) -> Tensor:
    """Compare."""
    return function(*(ordered(value, kind) for value in values), **attributes)


def unsigned_division(
    function: Callable[..., Tensor], values: Sequence[Tensor], kind: ElementType, attributes: dict[str, Any]
) -> Tensor | Carried:
    """Divide, or find what a division leaves."""
    check_integer(kind)
    a, b = values
    if kind.name != "UINT64":
        return carry(function(a, b, **attributes), kind)
    quotient, rest = divide_bits(a, b)
    return Carried(rest if function.__name__ == "mod" else quotient, kind)


def divide_bits(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Divide unsigned numbers of 64 bits by halving the dividend, which makes it a positive signed one."""
    half = pf.bitwise_and(pf.bitwise_right_shift(a, 1), 2**63 - 1)
    is_large = b < 0
    divisor = pf.where(is_large, pf.ones_like(b), b)
    quotient = pf.div(half, divisor, rounding_mode="trunc") * 2
    rest = a - quotient * divisor
    again = pf.bitwise_xor(rest, LOWEST) >= pf.bitwise_xor(divisor, LOWEST)
    quotient, rest = pf.where(again, quotient + 1, quotient), pf.where(again, rest - divisor, rest)
    fits = pf.cast(pf.bitwise_xor(a, LOWEST) >= pf.bitwise_xor(b, LOWEST), pf.int64)
    return pf.where(is_large, fits, quotient), pf.where(is_large, a - fits * b, rest)
