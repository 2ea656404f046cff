"""What a sample of an op is: operands with a dtype and a way to lie in memory, attributes, expectations."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from ... import _core
from ..._tensor import Tensor
from ...dtypes import (
    DType,
    all_dtypes,
    bfloat16,
    bool_,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from ..bridge import Array, rounded, to_tensor

FLOATS = (float64, float32, float16, bfloat16)
INTEGERS = (int64, int32, int16, int8, uint8)
NUMBERS = FLOATS + INTEGERS
ALL = tuple(all_dtypes)
# Ways for the same values to lie in memory; the last three are not contiguous.
MEMORY = ("dense", "transposed", "sliced", "expanded")


class Operand:
    """Values for one input. `memory` says how its tensor holds them."""

    def __init__(self, values: Any, dtype: DType, memory: str = "dense") -> None:
        self.values: Array = rounded(values, dtype)
        self.dtype = dtype
        self.memory = memory
        if memory == "expanded":
            self.values = np.broadcast_to(self.values[:1], self.values.shape).copy()

    def with_values(self, values: Array) -> Operand:
        return Operand(values, self.dtype, self.memory)

    def tensor(self, pending: bool = False) -> Tensor:
        """The tensor; with `pending` it is not evaluated, and its view is part of the graph."""
        if self.memory == "transposed":
            order = list(range(self.values.ndim))
            order[-2:] = order[:-3:-1]
            base = self._base(self.values.transpose(order), pending)
            return _core.ops.permute(base, order)
        if self.memory == "sliced":
            wide = np.full((2 * self.values.shape[0] + 1, *self.values.shape[1:]), 1, self.values.dtype)
            wide[1::2] = self.values
            return _core.ops.slice(self._base(wide, pending), 0, 1, 2, self.values.shape[0])
        if self.memory == "expanded":
            return _core.ops.expand(self._base(self.values[:1], pending), self.values.shape)
        return self._base(self.values, pending)

    def _base(self, values: Array, pending: bool) -> Tensor:
        tensor = to_tensor(values, self.dtype)
        # A copy that no pass can see through.
        return _core.ops.cat([tensor], 0) if pending and values.ndim else tensor


Input: TypeAlias = "Operand | int | float | tuple[Operand, ...]"


@dataclass(frozen=True)
class Sample:
    """One call of an op. Numbers among the inputs are Python scalars; a tuple is the list of a variadic input."""

    inputs: tuple[Input, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    differentiable: bool = True  # False: at a kink, a tie, an infinity
    twice: bool = True  # False: the second derivative is not defined or not supported there

    def operands(self) -> list[Operand]:
        flat: list[Operand] = []
        for item in self.inputs:
            flat.extend(item if isinstance(item, tuple) else [item] if isinstance(item, Operand) else [])
        return flat

    def arguments(self, operands: Sequence[Any]) -> list[Any]:
        """The call's positional arguments, with `operands` in place of this sample's own."""
        rest = iter(operands)
        result: list[Any] = []
        for item in self.inputs:
            if isinstance(item, tuple):
                result.append([next(rest) for _ in item])
            else:
                result.append(next(rest) if isinstance(item, Operand) else item)
        return result

    def with_dtype(self, dtype: DType) -> Sample:
        def convert(item: Input) -> Input:
            if isinstance(item, tuple):
                return tuple(Operand(part.values, dtype, part.memory) for part in item)
            return Operand(item.values, dtype, item.memory) if isinstance(item, Operand) else item

        return Sample(tuple(convert(item) for item in self.inputs), self.attrs, self.differentiable, self.twice)


def same_dtype(sample: Sample, dtype: DType) -> DType:
    return dtype


def float_dtype(sample: Sample, dtype: DType) -> DType:
    return dtype if dtype.is_floating_point else float32


def bool_dtype(sample: Sample, dtype: DType) -> DType:
    return bool_


def int64_dtype(sample: Sample, dtype: DType) -> DType:
    return int64


@dataclass(frozen=True)
class OpInfo:
    """How to call one op of the registry and what NumPy says about the result.

    `reference` takes the sample's arguments as float64, int64 or bool arrays and its attributes by name, and returns an
    array, or a tuple for several outputs; `verify` replaces it where only properties are known (random draws).
    """

    name: str
    samples: Callable[[DType], Sequence[Sample]]
    reference: Callable[..., Any] | None
    dtypes: tuple[DType, ...]
    result: Callable[[Sample, DType], DType | tuple[DType, ...]] = same_dtype
    verify: Callable[[Sample, DType, tuple[Array, ...]], None] | None = None
    slack: float = 1.0  # multiplies the tolerance

    def expected(self, sample: Sample, values: Sequence[Array]) -> tuple[Array, ...]:
        assert self.reference is not None
        with np.errstate(all="ignore"):
            result = self.reference(*sample.arguments(values), **sample.attrs)
        return result if isinstance(result, tuple) else (np.asarray(result),)

    def call(self, sample: Sample, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        result = getattr(_core.ops, self.name)(*sample.arguments(tensors), **sample.attrs)
        return result if isinstance(result, tuple) else (result,)


def generator(name: str) -> np.random.Generator:
    """A stream of its own for each op, the same in every process."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def smooth(rng: np.random.Generator, shape: tuple[int, ...], low: int, high: int) -> Array:
    """Values in (low, high) at least 0.1 from every multiple of 1/2, where rounding, signs and ties have kinks."""
    return rng.integers(2 * low, 2 * high, shape) / 2 + rng.uniform(0.1, 0.4, shape)


def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: DType, low: int, high: int) -> Array:
    """Values in [low, high) of the dtype's kind."""
    if dtype.is_floating_point:
        return smooth(rng, shape, low, high)
    if dtype is bool_:
        return rng.random(shape) < 0.5
    return rng.integers(max(low, 0) if dtype is uint8 else low, high, shape)
