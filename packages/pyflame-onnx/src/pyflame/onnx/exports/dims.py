"""Sizes that depend on dynamic axes: what a number was at each of several sizes of the axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Varying:
    """A whole number that changed between traces.

    Attributes:
        values: one for each trace, in their order.
    """

    values: tuple[int, ...]

    def __str__(self) -> str:
        return f"one of {', '.join(map(str, self.values))}"


Dim: TypeAlias = "int | Varying"


def dim(values: Sequence[int]) -> Dim:
    """One number where all are equal."""
    first = values[0]
    return first if all(value == first for value in values) else Varying(tuple(values))


def combine(function: Callable[..., int], *dims: Dim) -> Dim:
    """Apply a function trace by trace."""
    count = max((len(d.values) for d in dims if isinstance(d, Varying)), default=1)
    rows = zip(*(d.values if isinstance(d, Varying) else (d,) * count for d in dims), strict=True)
    return dim([function(*row) for row in rows])


def product(dims: Sequence[Dim]) -> Dim:
    """The number of elements of a shape."""
    return combine(lambda *row: math.prod(row), *dims) if dims else 1


def affine(values: Sequence[int], base: Sequence[int]) -> tuple[int, int] | None:
    """Whole numbers (a, b) with values = a * base + b at every trace; None if there are none."""
    pairs = sorted(set(zip(base, values)))
    (x0, y0), (x1, y1) = pairs[0], pairs[-1]
    if x0 == x1 or (y1 - y0) % (x1 - x0):
        return None
    a = (y1 - y0) // (x1 - x0)
    b = y0 - a * x0
    return (a, b) if all(y == a * x + b for x, y in pairs) else None


def quotient(values: Sequence[int], base: Sequence[int]) -> tuple[int, int] | None:
    """Whole numbers (b, c), c > 1, with values = (base + b) // c at every trace; None if there are none."""
    spread = max(base) - min(base)
    for c in range(2, spread + 1):
        low = max(value * c - x for value, x in zip(values, base))
        high = min(value * c - x + c - 1 for value, x in zip(values, base))
        if low <= high:
            return (low if low > 0 else min(high, 0)), c
    return None
