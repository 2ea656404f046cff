"""Samples of the elementwise ops of one input, and of `cast`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np

from ...dtypes import DType, bool_, float64, uint8
from ..bridge import Array, rounded
from .model import (
    ALL,
    INTEGERS,
    NUMBERS,
    Operand,
    OpInfo,
    Sample,
    bool_dtype,
    draw,
    float_dtype,
    generator,
    same_dtype,
)

SHAPES: tuple[tuple[tuple[int, ...], str], ...] = (
    ((2, 3, 4), "dense"), ((3, 4), "transposed"), ((2, 3, 5), "transposed"), ((3, 4), "sliced"), ((4, 3), "expanded"),
    ((), "dense"), ((1,), "dense"), ((0,), "dense"), ((2, 0, 3), "dense"),
)  # fmt: skip
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-3, 300.0, 1e-30, 1e30]

erf = np.vectorize(math.erf, otypes=[float])
erfc = np.vectorize(math.erfc, otypes=[float])


def gelu(x: Array) -> Array:
    return x * 0.5 * (erf(x / math.sqrt(2)) + 1)


@partial(np.vectorize, otypes=[float])
def erfinv(x: float) -> float:
    if not abs(x) < 1:
        return x * math.inf if abs(x) == 1 else math.nan
    return NormalDist().inv_cdf((x + 1) / 2) / math.sqrt(2)


@partial(np.vectorize, otypes=[float])
def lgamma(x: float) -> float:
    if math.isinf(x) or (x <= 0 and x % 1 == 0):
        return math.inf
    return math.lgamma(x)


@partial(np.vectorize, otypes=[float])
def digamma(x: float) -> float:
    """The recurrence up to 60, where two terms of the series in 1 / x**2 suffice."""
    if x == 0 or (x < 0 and x % 1 == 0):
        return -math.copysign(math.inf, x) if x == 0 else math.nan
    if not math.isfinite(x):
        return x if x > 0 else math.nan
    steps = max(0, math.ceil(60 - x))
    far = x + steps
    series = 1 / (12 * far**2) - 1 / (120 * far**4) + 1 / (252 * far**6)
    return math.log(far) - 0.5 / far - series - math.fsum(1 / (x + k) for k in range(steps))


def sigmoid(x: Array) -> Array:
    return np.where(x < 0, np.exp(x) / (1 + np.exp(x)), 1 / (1 + np.exp(-x)))


def relu(x: Array) -> Array:
    return np.where(x < 0, np.zeros_like(x), x)


def signed(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """For references that NumPy defines on floats only."""
    return lambda x: function(np.asarray(x, np.float64))


# name: reference, domain of smooth samples; ops that NumPy has under the same name need none (derived.py)
FLOAT: dict[str, tuple[Callable[[Array], Array], int, int]] = {
    "rsqrt": (lambda x: 1 / np.sqrt(x), 0, 4), "reciprocal": (lambda x: 1 / x, -3, 3), "tan": (np.tan, -1, 1),
    "asin": (np.arcsin, -1, 1), "acos": (np.arccos, -1, 1), "atan": (np.arctan, -4, 4),
    "asinh": (np.arcsinh, -4, 4), "acosh": (np.arccosh, 1, 5), "atanh": (np.arctanh, -1, 1), "erf": (erf, -2, 2),
    "erfc": (erfc, -2, 2), "erfinv": (erfinv, -1, 1), "lgamma": (lgamma, 0, 5), "digamma": (digamma, 0, 5), "sigmoid": (sigmoid, -4, 4),
    "gelu": (gelu, -4, 4),
}  # fmt: skip
NUMBER: dict[str, Callable[[Array], Array]] = {
    "neg": np.negative, "abs": np.abs, "square": np.square, "positive": np.positive, "relu": relu,
    "floor": np.floor, "ceil": np.ceil, "round": np.round, "trunc": np.trunc,
}  # fmt: skip
LOGIC: dict[str, Callable[[Array], Array]] = {
    "isnan": signed(np.isnan), "isinf": signed(np.isinf), "isfinite": signed(np.isfinite),
    "signbit": signed(np.signbit), "logical_not": np.logical_not,
}  # fmt: skip


def unary_samples(name: str, low: int, high: int, edges: bool = True) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        result = [Sample((Operand(draw(rng, shape, dtype, low, high), dtype, memory),)) for shape, memory in SHAPES]
        # Beyond one tile of the elementwise kernels, with a tail.
        result.append(Sample((Operand(draw(rng, (2059,), dtype, low, high), dtype),), differentiable=False))
        if dtype.is_floating_point:
            result.append(Sample((Operand(np.array(SPECIAL), dtype),), differentiable=False))
        elif dtype is not bool_ and edges:
            limits = np.iinfo(dtype.to_numpy())
            edge = np.array([limits.min, limits.max, 0, 1, limits.max - 1])
            result.append(Sample((Operand(edge, dtype),)))
        return result

    return samples


def bitwise_not(x: Array) -> Array:
    return np.logical_not(x) if x.dtype == np.bool_ else np.invert(x)


def sign(x: Array) -> Array:
    return x if x.dtype == np.bool_ else np.where(np.isnan(x), 0, np.sign(x))  # PyTorch's sign of NaN is 0


def cast_samples(dtype: DType) -> list[Sample]:
    rng = generator("cast")
    result = []
    for target in ALL:
        # Values that every target holds: a conversion out of range has no defined result.
        low = 0 if uint8 in (dtype, target) else -5
        for shape, memory in SHAPES:
            values = draw(rng, shape, dtype, low, 5)
            smooth = target is float64  # differences of values rounded to less are noise
            result.append(Sample((Operand(values, dtype, memory),), {"dtype": target}, differentiable=smooth))
    return result


def cast(x: Array, dtype: DType) -> Array:
    if dtype.is_floating_point or dtype is bool_:
        return rounded(x, dtype)
    return rounded(np.trunc(x) if x.dtype == np.float64 else x, dtype)


def target_dtype(sample: Sample, dtype: DType) -> DType:
    target: Any = sample.attrs["dtype"]
    return target


UNARY = [
    *(OpInfo(name, unary_samples(name, low, high, False), signed(reference), ALL, float_dtype)
      for name, (reference, low, high) in FLOAT.items()),
    *(OpInfo(name, unary_samples(name, -4, 4), reference, NUMBERS, same_dtype) for name, reference in NUMBER.items()),
    *(OpInfo(name, unary_samples(name, -4, 4), reference, ALL, bool_dtype) for name, reference in LOGIC.items()),
    OpInfo("sign", unary_samples("sign", -4, 4), sign, ALL),
    OpInfo("bitwise_not", unary_samples("bitwise_not", -4, 4), bitwise_not, (*INTEGERS, bool_)),
    OpInfo("cast", cast_samples, cast, ALL, target_dtype),
]  # fmt: skip
