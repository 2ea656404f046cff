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


def scatter(base: Array, index: Array, src: Array, dim: int) -> Array:
    out = ranked(base).copy()
    out[positions(ranked(index), dim)] = ranked(src)  # the last of several stays
    return out.reshape(base.shape)


def scatter_reduce(base: Array, index: Array, src: Array, dim: int, reduce: int) -> Array:
    out = ranked(base).copy()
    (np.multiply, np.maximum, np.minimum)[reduce].at(out, positions(ranked(index), dim), ranked(src))
    return out.reshape(base.shape)


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


def written(dtype: DType) -> list[Sample]:
    """Samples of scatter; where a place is written twice, one of its sources has a gradient that does not count."""
    result = []
    for sample in along("scatter", True)(dtype):
        index = sample.operands()[1].values
        places = np.stack(positions(ranked(index), sample.attrs["dim"])).reshape(max(index.ndim, 1), -1).T
        once = len(np.unique(places, axis=0)) == len(places) if len(places) else True
        result.append(Sample(sample.inputs, sample.attrs, differentiable=once))
    return result


def combined(dtype: DType) -> list[Sample]:
    result = [
        Sample(
            sample.inputs, {**sample.attrs, "reduce": reduce}, differentiable=sample.operands()[0].memory != "expanded"
        )
        for reduce in range(3)
        for sample in along("scatter_reduce", True)(dtype)
    ]
    base, src = Operand(np.array([2.0, 0.0, 3.0]), dtype), Operand(np.array([0.0, 2.0, 1.0, 0.0]), dtype)
    at_zero = Sample((base, Operand(np.array([0, 0, 2, 1]), int64), src), {"dim": 0, "reduce": 0}, twice=False)
    return [*result, at_zero]


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
    OpInfo("scatter", written, scatter, ALL),
    OpInfo("scatter_reduce", combined, scatter_reduce, ALL, slack=8),
    OpInfo("index_select", short("index_select", False), index_select, ALL),
    OpInfo("index_add", short("index_add", True), index_add, ALL, slack=4),
]
