"""Computing sizes while a model runs: from the shapes of its inputs, or of values computed before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import pyflame as pf

from .dims import Dim, Varying, affine, quotient

if TYPE_CHECKING:
    from .emitter import Emitter

MOST_FACTORS = 3


class UnknownSize(Exception):
    """No formula over known sizes gives a number at every trace."""


@dataclass
class Sizes:
    """The sizes known so far: what they were at each trace, and whose axis they are."""

    known: dict[tuple[int, ...], tuple[str, int]] = field(default_factory=dict)
    inputs: list[tuple[int, ...]] = field(default_factory=list)
    names: dict[tuple[int, ...], str] = field(default_factory=dict)

    def learn(self, name: str, shape: Sequence[Dim], *, is_input: bool = False) -> None:
        """Remember the shape of a value of the model."""
        for axis, one in enumerate(shape):
            if isinstance(one, Varying) and one.values not in self.known:
                self.known[one.values] = (name, axis)
                if is_input:
                    self.inputs.append(one.values)

    def emit(self, emitter: Emitter, wanted: Varying) -> str:
        """Add nodes that compute a size.

        Raises:
            UnknownSize: no formula fits.
        """
        values = wanted.values
        if values in self.known:
            return emitter.axis_size(*self.known[values])
        for pool in (self.inputs, list(self.known)):
            for base in pool:
                if found := affine(values, base):
                    return self._linear(emitter, self._size(emitter, base), *found)
            for factors in products(pool):
                base = tuple(int_product(row) for row in zip(*factors))
                if found := affine(values, base):
                    return self._linear(emitter, self._product(emitter, factors), *found)
        for base in self.known:
            if divided := quotient(values, base):
                offset, divisor = divided
                shifted = self._linear(emitter, self._size(emitter, base), 1, offset)
                return emitter.op("Div", shifted, emitter.const([divisor], pf.int64))
        raise UnknownSize(str(wanted))

    def _size(self, emitter: Emitter, base: tuple[int, ...]) -> str:
        return emitter.size(Varying(base))

    def _product(self, emitter: Emitter, factors: Sequence[tuple[int, ...]]) -> str:
        name = self._size(emitter, factors[0])
        for one in factors[1:]:
            name = emitter.op("Mul", name, self._size(emitter, one))
        return name

    @staticmethod
    def _linear(emitter: Emitter, name: str, factor: int, offset: int) -> str:
        if factor != 1:
            name = emitter.op("Mul", name, emitter.const([factor], pf.int64))
        return emitter.op("Add", name, emitter.const([offset], pf.int64)) if offset else name


def products(pool: Sequence[tuple[int, ...]]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Products of up to three sizes; of few of them, where there are many."""
    for count in range(2, MOST_FACTORS + 1):
        yield from combinations_with_replacement(pool[: 24 if count == 2 else 8], count)


def int_product(row: Sequence[int]) -> int:
    result = 1
    for one in row:
        result *= one
    return result
