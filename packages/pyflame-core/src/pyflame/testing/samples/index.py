"""Samples of the ops that read or write where an index says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...dtypes import DType, int64
from ..bridge import Array
from .model import ALL, Operand, OpInfo, Sample, draw, generator

Dims = tuple[int, ...]
# shape of x, shape of index, dim, memory of x and (where the ranks allow it) of index
ALONG: tuple[tuple[Dims, Dims, int, str], ...] = (
    ((3, 4), (2, 4), 0, "dense"), ((3, 4), (3, 6), 1, "dense"), ((2, 3, 4), (2, 1, 3), -2, "dense"),
    ((5,), (7,), 0, "dense"),
    ((), (), 0, "dense"), ((3, 4), (0, 4), 0, "dense"), ((3, 4), (3, 2), 1, "transposed"),
    ((4, 3), (4, 3), 0, "sliced"),
    ((4, 3), (2, 3), 0, "expanded"), ((3, 4), (1, 2), 0, "dense"),
)  # fmt: skip
# shape of x, length of index, dim, memory of x
SHORT: tuple[tuple[Dims, int, int, str], ...] = (
    ((3, 4), 5, 0, "dense"), ((3, 4), 2, -1, "dense"), ((2, 3, 4), 4, 1, "transposed"), ((5,), 0, 0, "dense"),
    ((4, 3), 2, 0, "sliced"), ((4, 3), 3, 1, "expanded"), ((3, 130), 3, 0, "dense"), ((0, 3), 2, 1, "dense"),
)  # fmt: skip


def ranked(x: Array) -> Array:
    """A 0-d array as one element, as PyTorch indexes it."""
    return x.reshape(1) if x.ndim == 0 else x


def positions(index: Array, dim: int) -> tuple[Array, ...]:
    grid: list[Array] = list(np.indices(index.shape))
    grid[dim] = index
    return tuple(grid)


def gather(x: Array, index: Array, dim: int) -> Array:
    return ranked(x)[positions(ranked(index), dim)].reshape(index.shape)


def added(base: Array, where: tuple[Array, ...], src: Array) -> Array:
    out = ranked(base).copy()
    (np.logical_or if out.dtype == np.bool_ else np.add).at(out, where, src)
    return out.reshape(base.shape)


def scatter_add(base: Array, index: Array, src: Array, dim: int) -> Array:
    return added(base, positions(ranked(index), dim), ranked(src))


def index_select(x: Array, index: Array, dim: int) -> Array:
    return np.take(x, index.reshape(-1), dim)


def index_add(base: Array, index: Array, src: Array, dim: int) -> Array:
    return added(base, (slice(None),) * (dim % base.ndim) + (index.reshape(-1),), src)  # type: ignore[arg-type]


def index_operand(rng: np.random.Generator, shape: Dims, bound: int, memory: str = "dense") -> Operand:
    return Operand(rng.integers(0, max(bound, 1), shape), int64, memory if len(shape) > 1 else "dense")


def along(name: str, with_source: bool) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        result = []
        for shape, index_shape, dim, memory in ALONG:
            x = Operand(draw(rng, shape, dtype, -4, 4), dtype, memory)
            index = index_operand(rng, index_shape, shape[dim] if shape else 1, memory)
            src = (Operand(draw(rng, index_shape, dtype, -4, 4), dtype, memory),) if with_source else ()
            result.append(Sample((x, index, *src), {"dim": dim}))
        return result

    return samples


def short(name: str, with_source: bool) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        result = []
        for shape, length, dim, memory in SHORT:
            x = Operand(draw(rng, shape, dtype, -4, 4), dtype, memory)
            index = index_operand(rng, (length,), shape[dim])
            src_shape = list(shape)
            src_shape[dim] = length
            src = (Operand(draw(rng, tuple(src_shape), dtype, -4, 4), dtype),) if with_source else ()
            result.append(Sample((x, index, *src), {"dim": dim}, differentiable=x.values.size < 50))
        single = Operand(draw(rng, (4, 2), dtype, -4, 4), dtype)
        row = (Operand(draw(rng, (1, 2), dtype, -4, 4), dtype),) if with_source else ()
        return [*result, Sample((single, index_operand(rng, (), 4), *row), {"dim": 0})]

    return samples


INDEX = [
    OpInfo("gather", along("gather", False), gather, ALL),
    OpInfo("scatter_add", along("scatter_add", True), scatter_add, ALL, slack=4),
    OpInfo("index_select", short("index_select", False), index_select, ALL),
    OpInfo("index_add", short("index_add", True), index_add, ALL, slack=4),
]
