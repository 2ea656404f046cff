"""Samples of scans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...dtypes import DType, int64
from ..bridge import Array
from .model import FLOATS, NUMBERS, Operand, OpInfo, Sample, draw, generator

# shape, memory, dim
LINES: tuple[tuple[tuple[int, ...], str, int], ...] = (
    ((2, 3, 4), "dense", 0), ((2, 3, 4), "dense", 1), ((2, 3, 4), "dense", -1), ((3, 4), "transposed", 1),
    ((3, 4), "transposed", 0), ((4, 3), "sliced", 0), ((4, 3), "sliced", 1), ((4, 3), "expanded", 1),
    ((), "dense", 0), ((), "dense", -1), ((1,), "dense", 0), ((0,), "dense", 0), ((0, 3), "dense", 1),
    ((3, 0), "dense", 0), ((3, 0), "dense", 1), ((2, 1030), "dense", 1), ((5, 300), "dense", 0),
)  # fmt: skip
SPECIAL = np.array([[1.0, np.nan, 2.0, np.nan], [np.inf, 1.0, -np.inf, 2.0], [0.0, -0.0, 0.0, -0.0]])


def stepwise(step: Callable[[Any, Any], Any], x: Array, dim: int, reverse: bool) -> Array:
    """A scan written out: the running value along `dim`."""
    lines = np.moveaxis(x.reshape(x.shape or (1,)), dim, 0).copy()
    order = range(len(lines))[::-1] if reverse else range(len(lines))
    running = None
    for i in order:
        running = lines[i] if running is None else step(running, lines[i])
        lines[i] = running
    return np.moveaxis(lines, 0, dim).reshape(x.shape)


def cumsum(x: Array, dim: int, reverse: bool = False) -> Array:
    return stepwise(np.add, x, dim, reverse)


def cumprod(x: Array, dim: int, reverse: bool = False) -> Array:
    return stepwise(np.multiply, x, dim, reverse)


def logcumsumexp(x: Array, dim: int, reverse: bool = False) -> Array:
    return stepwise(np.logaddexp, x, dim, reverse)


def linear_scan(factor: Array, term: Array, dim: int, reverse: bool = False) -> Array:
    factors = np.moveaxis(factor.reshape(factor.shape or (1,)), dim, 0)
    lines = np.moveaxis(term.reshape(term.shape or (1,)), dim, 0).copy()
    order = list(range(len(lines)))[:: -1 if reverse else 1]
    for before, i in zip([None, *order], order):
        lines[i] += factors[i] * (0.0 if before is None else lines[before])
    return np.moveaxis(lines, 0, dim).reshape(term.shape)


def extreme(larger: Callable[[Any, Any], Any]) -> Callable[..., tuple[Array, Array]]:
    def reference(x: Array, dim: int) -> tuple[Array, Array]:
        lines = np.moveaxis(x.reshape(x.shape or (1,)), dim, 0)
        values, places = lines.copy(), np.zeros(lines.shape, np.int64)
        for i in range(1, len(lines)):
            new = np.isnan(lines[i]) | (larger(lines[i], values[i - 1]) & ~np.isnan(values[i - 1]))
            values[i] = np.where(new, lines[i], values[i - 1])
            places[i] = np.where(new, i, places[i - 1])
        return np.moveaxis(values, 0, dim).reshape(x.shape), np.moveaxis(places, 0, dim).reshape(x.shape)

    return reference


def line_samples(
    name: str, inputs: int = 1, directions: tuple[bool | None, ...] = (None,), low: int = -2, high: int = 2
) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        result = []
        for k, (shape, memory, dim) in enumerate(LINES):
            reverse = directions[k % len(directions)]
            attrs = {"dim": dim} if reverse is None else {"dim": dim, "reverse": reverse}
            operands = tuple(Operand(draw(rng, shape, dtype, low, high), dtype, memory) for _ in range(inputs))
            result.append(Sample(operands, attrs, differentiable=operands[0].values.size < 50))
        if dtype.is_floating_point:
            for dim in (0, 1):
                result.append(Sample((Operand(SPECIAL, dtype),) * inputs, {"dim": dim}, differentiable=False))
        return result

    return samples


def product_samples(dtype: DType) -> list[Sample]:
    zeros = np.array([[2.0, 0.0, 3.0, 1.0], [0.0, 2.0, 0.0, 1.0], [1.0, 2.0, 3.0, 0.0]])
    short = [
        sample for sample in line_samples("cumprod", 1, (False, True))(dtype) if sample.operands()[0].values.size < 50
    ]
    return [*short, Sample((Operand(zeros, dtype),), {"dim": 1}), Sample((Operand(zeros, dtype),), {"dim": 0})]


def accumulated(sample: Sample, dtype: DType) -> DType:
    return dtype if dtype.is_floating_point else int64


def with_places(sample: Sample, dtype: DType) -> tuple[DType, ...]:
    return dtype, int64


BOTH = (False, True)
SCANS = [
    OpInfo("cumsum", line_samples("cumsum", 1, BOTH), cumsum, NUMBERS, accumulated, slack=64),
    OpInfo("cumprod", product_samples, cumprod, NUMBERS, accumulated, slack=8),
    OpInfo("logcumsumexp", line_samples("logcumsumexp", 1, BOTH), logcumsumexp, FLOATS, slack=8),
    OpInfo("linear_scan", line_samples("linear_scan", 2, BOTH, 0, 1), linear_scan, FLOATS, slack=16),
    OpInfo("cummax", line_samples("cummax"), extreme(np.greater_equal), NUMBERS, with_places),
    OpInfo("cummin", line_samples("cummin"), extreme(np.less_equal), NUMBERS, with_places),
]
