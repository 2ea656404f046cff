"""Samples of reductions, arg-reductions and the softmax family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...dtypes import DType, int64
from ..bridge import Array
from .model import (
    ALL,
    FLOATS,
    NUMBERS,
    Operand,
    OpInfo,
    Sample,
    bool_dtype,
    draw,
    generator,
    int64_dtype,
    same_dtype,
)

# shape, memory, dim, keepdim
CASES: tuple[tuple[tuple[int, ...], str, Any, bool], ...] = (
    ((2, 3, 4), "dense", None, False), ((2, 3, 4), "dense", None, True), ((2, 3, 4), "dense", 1, False),
    ((2, 3, 4), "dense", -1, True), ((2, 3, 4), "dense", (0, 2), False), ((2, 3, 4), "dense", (-1, 1), True),
    ((2, 3, 4), "transposed", 1, False), ((2, 3, 4), "transposed", -1, False), ((4, 3), "sliced", 0, False),
    ((4, 3), "sliced", 1, False), ((4, 3), "expanded", 0, True), ((4, 3), "expanded", None, False),
    ((), "dense", None, False), ((), "dense", -1, False), ((1,), "dense", 0, False), ((3, 0), "dense", 0, False),
    ((0, 3), "dense", 1, True), ((2, 3, 4), "sliced", (0, 1), False), ((5, 67), "dense", 1, False), ((67, 5), "dense", 0, False), ((3, 1), "dense", 1, False),
)  # fmt: skip
# These reduce nothing: only ops with an identity accept them.
EMPTY: tuple[tuple[tuple[int, ...], str, Any, bool], ...] = (
    ((0,), "dense", None, False), ((0, 3), "dense", 0, True), ((2, 0), "dense", 1, False),
)  # fmt: skip


def axis(dim: Any) -> Any:
    return None if dim == () else dim


def on_axis(function: Callable[..., Any]) -> Callable[..., Array]:
    """A NumPy reduction under our argument names; a 0-d array accepts dim 0 and -1 as PyTorch does."""

    def reduce(x: Array, dim: Any = None, keepdim: bool = False) -> Array:
        return np.asarray(function(x, axis=None if x.ndim == 0 else axis(dim), keepdims=keepdim))

    return reduce


def as_integer(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, **kwargs: function(x.astype(np.int64) if x.dtype == np.bool_ else x, **kwargs)


def mean(x: Array, axis: Any, keepdims: bool) -> Any:
    """As np.mean, without its warning: the mean of nothing is NaN."""
    result = np.sum(x, axis=axis, keepdims=keepdims)
    return result / (x.size / result.size if result.size else np.nan)


def reduction_samples(name: str, empty: bool, low: int = -3, high: int = 3) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        result = []
        for shape, memory, dim, keepdim in (*CASES, *(EMPTY if empty else ())):
            operand = Operand(draw(rng, shape, dtype, low, high), dtype, memory)
            small = operand.values.size < (50 if operand.values.size or name != "mean" else 0)
            result.append(Sample((operand,), {"dim": dim, "keepdim": keepdim}, differentiable=small))
        if dtype.is_floating_point:
            special = Operand(np.array([[1.0, np.nan, 2.0], [np.inf, 1.0, -np.inf], [0.0, -0.0, 0.0]]), dtype)
            result.append(Sample((special,), {"dim": 1, "keepdim": False}, differentiable=False))
        return result

    return samples


def prod_samples(dtype: DType) -> list[Sample]:
    zeros = np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 1.0], [1.0, 2.0, 3.0]])
    at_zero = Sample((Operand(zeros, dtype),), {"dim": 1, "keepdim": False})
    return [*reduction_samples("prod", True, 0, 2)(dtype), at_zero]


def sum_dtype(sample: Sample, dtype: DType) -> DType:
    return dtype if dtype.is_floating_point else int64


def arg_samples(name: str) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        plain = reduction_samples(name, False)(dtype)
        single = [s for s in plain if not isinstance(s.attrs["dim"], tuple)]
        ties = Operand(np.array([[1, 3, 3], [2, 2, 2]]), dtype)
        return [*single, Sample((ties,), {"dim": 1}), Sample((ties,), {"dim": None})]

    return samples


def on_one_axis(function: Callable[..., Any]) -> Callable[..., Array]:
    def reduce(x: Array, dim: int | None = None, keepdim: bool = False) -> Array:
        return np.asarray(function(x, axis=None if x.ndim == 0 else dim, keepdims=keepdim))

    return reduce


def log_softmax(x: Array, dim: int) -> Array:
    if x.ndim == 0:
        return np.zeros_like(x)
    shifted = x - np.max(x, axis=dim, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.sum(np.exp(shifted), axis=dim, keepdims=True))


def softmax(x: Array, dim: int) -> Array:
    return np.exp(log_softmax(x, dim))


def total(x: Array, dim: int) -> Array:
    return np.sum(x, axis=dim, keepdims=True) if x.ndim else x


def softmax_grad(grad: Array, result: Array, dim: int) -> Array:
    return result * (grad - total(grad * result, dim))


def log_softmax_grad(grad: Array, result: Array, dim: int) -> Array:
    return grad - np.exp(result) * total(grad, dim)


def softmax_samples(name: str, inputs: int) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        cases: list[tuple[tuple[int, ...], str, int]] = [
            ((2, 3, 4), "dense", 0), ((2, 3, 4), "dense", 1), ((2, 3, 4), "dense", -1), ((3, 4), "transposed", 1),
            ((4, 3), "sliced", 0), ((4, 3), "expanded", 1), ((), "dense", 0), ((0, 3), "dense", 1),
            ((1,), "dense", -1), ((3, 131), "dense", 1), ((131, 3), "dense", 0),
        ]  # fmt: skip
        result = []
        for shape, memory, dim in cases:
            operands = tuple(Operand(draw(rng, shape, dtype, -2, 2), dtype, memory) for _ in range(inputs))
            result.append(Sample(operands, {"dim": dim}, differentiable=operands[0].values.size < 50))
        return result

    return samples


REDUCTIONS = [
    OpInfo("sum", reduction_samples("sum", True), on_axis(as_integer(np.sum)), ALL, sum_dtype, slack=4),
    OpInfo("mean", reduction_samples("mean", True), on_axis(mean), FLOATS, same_dtype, slack=4),
    OpInfo("prod", prod_samples, on_axis(as_integer(np.prod)), ALL, sum_dtype, slack=8),
    OpInfo("amax", reduction_samples("amax", False), on_axis(np.max), ALL),
    OpInfo("amin", reduction_samples("amin", False), on_axis(np.min), ALL),
    OpInfo("any", reduction_samples("any", True, -1, 2), on_axis(np.any), ALL, bool_dtype),
    OpInfo("all", reduction_samples("all", True, 0, 2), on_axis(np.all), ALL, bool_dtype),
    OpInfo("argmax", arg_samples("argmax"), on_one_axis(np.argmax), NUMBERS, int64_dtype),
    OpInfo("argmin", arg_samples("argmin"), on_one_axis(np.argmin), NUMBERS, int64_dtype),
    OpInfo("softmax", softmax_samples("softmax", 1), softmax, FLOATS, slack=4),
    OpInfo("log_softmax", softmax_samples("log_softmax", 1), log_softmax, FLOATS, slack=4),
    OpInfo("softmax_grad", softmax_samples("softmax_grad", 2), softmax_grad, FLOATS, slack=16),
    OpInfo("log_softmax_grad", softmax_samples("log_softmax_grad", 2), log_softmax_grad, FLOATS, slack=64),
]
