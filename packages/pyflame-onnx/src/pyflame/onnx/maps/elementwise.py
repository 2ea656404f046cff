"""Arithmetic on elements: functions of one value, of two, and of any number."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pyflame as pf
from pyflame import Tensor

from ..values import axis_of, number
from .registry import Map, add, maps
from .unsigned import arithmetic, ordering, unsigned_division

# operator: (versions, function)
UNARY: dict[str, tuple[tuple[int, ...], Callable[[Tensor], Tensor]]] = {
    "Abs": ((6, 13), pf.abs),
    "Acos": ((7, 22), pf.acos),
    "Acosh": ((9, 22), pf.acosh),
    "Asin": ((7, 22), pf.asin),
    "Asinh": ((9, 22), pf.asinh),
    "Atan": ((7, 22), pf.atan),
    "Atanh": ((9, 22), pf.atanh),
    "Ceil": ((6, 13), pf.ceil),
    "Cos": ((7, 22), pf.cos),
    "Cosh": ((9, 22), pf.cosh),
    "Erf": ((9, 13), pf.erf),
    "Exp": ((6, 13), pf.exp),
    "Floor": ((6, 13), pf.floor),
    "Log": ((6, 13), pf.log),
    "Neg": ((6, 13), pf.neg),
    "Reciprocal": ((6, 13), pf.reciprocal),
    "Round": ((11, 22), pf.round),
    "Sign": ((9, 13), pf.sign),
    "Sin": ((7, 22), pf.sin),
    "Sinh": ((9, 22), pf.sinh),
    "Sqrt": ((6, 13), pf.sqrt),
    "Tan": ((7, 22), pf.tan),
    "Tanh": ((6, 13), pf.tanh),
}


def _unary(op: str, function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def apply(x: Tensor) -> Tensor:
        return function(x)

    apply.__name__ = op.lower()
    return apply


for _op, (_versions, _function) in UNARY.items():
    for _version in _versions:
        add("", _version, Map(_op, _unary(_op, _function)))


@maps("Add", 7, 13, 14, carried=arithmetic)
def add_(a: Tensor, b: Tensor) -> Tensor:
    return pf.add(a, b)


@maps("Sub", 7, 13, 14, carried=arithmetic)
def sub(a: Tensor, b: Tensor) -> Tensor:
    return pf.sub(a, b)


@maps("Mul", 7, 13, 14, carried=arithmetic)
def mul(a: Tensor, b: Tensor) -> Tensor:
    return pf.mul(a, b)


@maps("Div", 7, 13, 14, carried=unsigned_division)
def div(a: Tensor, b: Tensor) -> Tensor:
    # Integers are divided as in C: towards zero.
    return pf.div(a, b) if a.dtype.is_floating_point else pf.div(a, b, rounding_mode="trunc")


@maps("Mod", 10, 13, 28, carried=unsigned_division)
def mod(a: Tensor, b: Tensor, *, fmod: int = 0) -> Tensor:
    return pf.fmod(a, b) if fmod else pf.remainder(a, b)


def _power_of_carried(
    function: Callable[..., Tensor], values: list[Tensor], kind: object, attributes: object
) -> Tensor:
    return function(*values)


@maps("Pow", 7, 12, 13, 15, carried=_power_of_carried)
def pow_(a: Tensor, b: Tensor) -> Tensor:
    # The result has the base's type, whatever the exponent's; integers are raised in a type that holds fractions.
    if a.dtype.is_floating_point:
        return pf.pow(a, pf.cast(b, a.dtype))
    if b.dtype.is_floating_point:
        return pf.cast(pf.pow(pf.cast(a, pf.float64), pf.cast(b, pf.float64)), a.dtype)
    return pf.pow(a, pf.cast(b, a.dtype))


@maps("Max", 6, 8, 12, 13, carried=ordering)
def max_(*values: Tensor) -> Tensor:
    return functools.reduce(pf.maximum, values)


@maps("Min", 6, 8, 12, 13, carried=ordering)
def min_(*values: Tensor) -> Tensor:
    return functools.reduce(pf.minimum, values)


@maps("Sum", 6, 8, 13)
def sum_(*values: Tensor) -> Tensor:
    return functools.reduce(pf.add, values)


@maps("Mean", 6, 8, 13)
def mean(*values: Tensor) -> Tensor:
    return pf.div(functools.reduce(pf.add, values), len(values))


@maps("Clip", 6)
def clip_with_attributes(x: Tensor, *, min: float | None = None, max: float | None = None) -> Tensor:
    return x if min is None and max is None else pf.clip(x, min, max)


@maps("Clip", 11, 12, 13)
def clip(x: Tensor, min: Tensor | None = None, max: Tensor | None = None) -> Tensor:
    # Where min exceeds max, all elements become max: the order of the two matters.
    lower = x if min is None else pf.maximum(x, min)
    return lower if max is None else pf.minimum(lower, max)


@maps("CumSum", 11, 14, host="axis")
def cumsum(x: Tensor, axis: Tensor, *, exclusive: int = 0, reverse: int = 0) -> Tensor:
    return running(lambda y, dim: pf.cumsum(y, dim, dtype=x.dtype), 0, x, axis, bool(exclusive), bool(reverse))


@maps("CumProd", 26, host="axis")
def cumprod(x: Tensor, axis: Tensor, *, exclusive: int = 0, reverse: int = 0) -> Tensor:
    return running(lambda y, dim: pf.cumprod(y, dim, dtype=x.dtype), 1, x, axis, bool(exclusive), bool(reverse))


def running(
    scan: Callable[[Tensor, int], Tensor], start: int, x: Tensor, axis: object, exclusive: bool, reverse: bool
) -> Tensor:
    """Accumulate along an axis; exclusive leaves an element out of its own result."""
    dim = axis_of(int(number(axis)), x.ndim, "cumsum")
    y = pf.flip(x, [dim]) if reverse else x
    if exclusive and x.shape[dim]:
        first = pf.full_like(pf.narrow(y, dim, 0, 1), start)
        y = pf.cat([first, pf.narrow(y, dim, 0, x.shape[dim] - 1)], dim)
    y = scan(y, dim)
    return pf.flip(y, [dim]) if reverse else y
