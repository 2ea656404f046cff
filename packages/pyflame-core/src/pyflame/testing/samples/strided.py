"""Samples of windows on memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...dtypes import DType
from ..bridge import Array
from .model import ALL, Operand, OpInfo, Sample, draw, generator

Window = tuple[tuple[int, ...], tuple[int, ...], int]

# Shape and memory of x, then size, strides and offset of the window. The last two overlap.
CASES: list[tuple[tuple[int, ...], str, Window]] = [
    ((4, 3), "dense", ((2, 2), (3, 1), 4)), ((4, 3), "transposed", ((3, 4), (1, 3), 0)),
    ((4, 3), "sliced", ((3,), (4,), 1)), ((4, 3), "expanded", ((2, 3), (6, 2), 0)), ((2, 3, 2), "dense", ((), (), 5)),
    ((5,), "dense", ((0, 2), (1, 1), 2)), ((), "dense", ((1, 1), (1, 1), 0)), ((0, 3), "dense", ((0,), (1,), 0)),
    ((6,), "dense", ((3, 3), (1, 1), 1)), ((4, 3), "dense", ((2, 4), (3, 0), 2)),
]  # fmt: skip
OVERLAPPING = 2


def positions(size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> Array:
    steps = [np.arange(n) * step for n, step in zip(size, stride)]
    return offset + sum(np.ix_(*steps), np.zeros(size, np.int64)) if size else np.array(offset)


def as_strided(x: Array, size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> Array:
    return x.reshape(-1)[positions(size, stride, offset)] if 0 not in size else np.zeros(size, x.dtype)


def as_strided_scatter(x: Array, src: Array, offset: int, stride: tuple[int, ...]) -> Array:
    out = x.flatten()
    if src.size:
        out[positions(src.shape, stride, offset)] = src
    return out.reshape(x.shape)


def reading(dtype: DType) -> list[Sample]:
    rng = generator("as_strided")
    return [
        Sample(
            (Operand(draw(rng, shape, dtype, -4, 4), dtype, memory),), {"size": size, "stride": stride, "offset": at}
        )
        for shape, memory, (size, stride, at) in CASES
    ]


def writing(dtype: DType) -> list[Sample]:
    rng = generator("as_strided_scatter")
    samples = []
    for shape, memory, (size, stride, offset) in CASES[:-OVERLAPPING]:
        x = Operand(draw(rng, shape, dtype, -4, 4), dtype, memory)
        src = Operand(draw(rng, size, dtype, -4, 4), dtype, "transposed" if len(size) > 1 else "dense")
        samples.append(Sample((x, src), {"offset": offset, "stride": stride}))
    return samples


def histories(dtype: DType) -> list[Sample]:
    rng = generator("with_history")

    def pair(shape: tuple[int, ...], memory: str) -> tuple[Any, ...]:
        return tuple(Operand(draw(rng, shape, dtype, -4, 4), dtype, memory) for _ in range(2))

    # The gradient is by design not that of the values.
    return [
        Sample(pair(shape, memory), differentiable=False)
        for shape, memory in (((2, 3), "dense"), ((4, 3), "transposed"), ((4, 3), "sliced"), ((4, 3), "expanded"),
                              ((), "dense"), ((0, 2), "dense"))
    ]  # fmt: skip


STRIDED = [
    OpInfo("as_strided", reading, as_strided, ALL),
    OpInfo("as_strided_scatter", writing, as_strided_scatter, ALL),
    OpInfo("with_history", histories, lambda value, history: value, ALL),
]
