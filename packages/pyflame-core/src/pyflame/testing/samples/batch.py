"""Samples of normalization by the moments of a batch, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...dtypes import DType
from ..bridge import Array
from .fused import Dims, wide
from .model import FLOATS, Operand, OpInfo, Sample, draw, generator

# Shape of x, number of weights, memory of x: long planes, short ones and single elements, which kernels treat apart.
CHANNELS: tuple[tuple[Dims, int, str], ...] = (
    ((3, 2), 0, "dense"), ((4, 3, 2), 1, "dense"), ((2, 3, 2, 4), 2, "transposed"), ((2, 2, 5, 7), 2, "sliced"),
    ((3, 2, 4), 2, "expanded"), ((0, 3, 2), 2, "dense"), ((3, 2, 33), 1, "dense"), ((20, 300), 2, "dense"),
    ((1100, 5, 3), 2, "dense"), ((3, 2, 40, 70), 2, "dense"),
)  # fmt: skip


def dims_of(x: Array) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def along(values: Array, x: Array) -> Array:
    return values.reshape(-1, *(1,) * (x.ndim - 2))


def moments(x: Array) -> tuple[Array, Array]:
    if not x.size:
        return np.full(x.shape[1], np.nan), np.full(x.shape[1], np.nan)
    return x.mean(dims_of(x)), x.var(dims_of(x))


def batch_norm(operands: Sequence[Array], eps: float) -> tuple[Array, ...]:
    x, *rest = operands
    mean, variance = moments(x)
    y = (x - along(mean, x)) / np.sqrt(along(variance, x) + eps)
    y = y * along(rest[0], x) if rest else y
    return y + along(rest[1], x) if len(rest) > 1 else y, mean, variance


def batch_norm_grad(operands: Sequence[Array], eps: float) -> tuple[Array, ...]:
    grad, x, mean, variance, *rest = operands
    dims, deviation = dims_of(x), np.sqrt(variance + eps)
    y = (x - along(mean, x)) / along(deviation, x)
    weights = (grad * y).sum(dims), grad.sum(dims)
    count = max(x.size // x.shape[1], 1)
    centred = grad - (along(weights[1], x) + y * along(weights[0], x)) / count
    return centred / along(deviation, x) * (along(rest[0], x) if rest else 1.0), *weights


def samples_of(gradient: bool) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        rng = generator("batch_norm")
        result = []
        for shape, weights, memory in CHANNELS:
            operands = [Operand(draw(rng, shape, dtype, -2, 2), dtype, memory)]
            x = operands[0].values
            if gradient:
                operands.insert(0, Operand(draw(rng, shape, dtype, -2, 2), dtype, memory))
                operands += [Operand(value, wide(dtype)) for value in moments(x)]
            for _ in range(min(weights, 1) if gradient else weights):
                operands.append(Operand(draw(rng, (shape[1],), wide(dtype), -2, 2), wide(dtype)))
            result.append(Sample((tuple(operands),), {"eps": 1e-3}, differentiable=0 < x.size < 100))
        return result

    return samples


def dtypes(sample: Sample, dtype: DType) -> tuple[DType, ...]:
    return dtype, wide(dtype), wide(dtype)


BATCH = [
    OpInfo("batch_norm", samples_of(False), batch_norm, FLOATS, dtypes, slack=16),
    OpInfo("batch_norm_grad", samples_of(True), batch_norm_grad, FLOATS, dtypes, slack=64),
]
