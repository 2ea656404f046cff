"""Samples of optimizer steps and of random draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...dtypes import DType
from ..bridge import Array
from .model import FLOATS, INTEGERS, Operand, OpInfo, Sample, generator, smooth
from .unary import target_dtype

SHAPES: tuple[tuple[tuple[int, ...], str], ...] = (
    ((3, 4), "dense"), ((), "dense"), ((0,), "dense"), ((3, 4), "transposed"), ((4, 3), "sliced"), ((1037,), "dense"),
)  # fmt: skip


def sgd_step(
    param: Array, grad: Array, velocity: Array, lr: float, momentum: float, dampening: float, weight_decay: float,
    nesterov: bool, maximize: bool, first: bool,
) -> tuple[Array, Array]:  # fmt: skip
    grad = (-grad if maximize else grad) + weight_decay * param
    velocity = grad if first else momentum * velocity + (1 - dampening) * grad
    return param - lr * (grad + momentum * velocity if nesterov else velocity), velocity


def sgd_step_plain(param: Array, grad: Array, lr: float, weight_decay: float, maximize: bool) -> Array:
    return param - lr * ((-grad if maximize else grad) + weight_decay * param)


def adam(
    param: Array, grad: Array, state: tuple[Array, ...], lr: float, beta1: float, beta2: float, eps: float,
    weight_decay: float, correction1: float, correction2: float, decoupled: bool, maximize: bool,
) -> tuple[Array, ...]:  # fmt: skip
    grad = -grad if maximize else grad
    if decoupled:
        param = param * (1 - lr * weight_decay)
    else:
        grad = grad + weight_decay * param
    m = beta1 * state[0] + (1 - beta1) * grad
    v = beta2 * state[1] + (1 - beta2) * grad * grad
    largest = (np.maximum(state[2], v),) if len(state) == 3 else ()
    denominator = np.sqrt((largest or (v,))[0]) / np.sqrt(correction2) + eps
    return (param - lr / correction1 * m / denominator, m, v, *largest)


def adam_step(param: Array, grad: Array, m: Array, v: Array, **attrs: Any) -> tuple[Array, ...]:
    return adam(param, grad, (m, v), **attrs)


def adam_step_amsgrad(param: Array, grad: Array, m: Array, v: Array, vmax: Array, **attrs: Any) -> tuple[Array, ...]:
    return adam(param, grad, (m, v, vmax), **attrs)


SGD = [
    {"lr": 0.1, "momentum": 0.9, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False, "maximize": False,
     "first": True},
    {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1, "nesterov": False, "maximize": True,
     "first": False},
    {"lr": 0.1, "momentum": 0.5, "dampening": 0.0, "weight_decay": 0.1, "nesterov": True, "maximize": False,
     "first": False},
]  # fmt: skip
PLAIN = [{"lr": 0.1, "weight_decay": 0.0, "maximize": False}, {"lr": 0.5, "weight_decay": 0.1, "maximize": True}]
ADAM = [
    {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3, "weight_decay": 0.0, "correction1": 0.1, "correction2": 0.01,
     "decoupled": False, "maximize": False},
    {"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.1, "correction1": 0.36, "correction2": 0.19,
     "decoupled": True, "maximize": True},
    {"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.1, "correction1": 0.36, "correction2": 0.19,
     "decoupled": False, "maximize": False},
]  # fmt: skip


def update_samples(name: str, inputs: int, settings: list[dict[str, Any]]) -> Callable[[DType], list[Sample]]:
    def samples(dtype: DType) -> list[Sample]:
        rng = generator(name)
        result = []
        for attrs in settings:
            for shape, memory in SHAPES:
                # Moments of squares are not negative, so every operand is positive.
                operands = tuple(Operand(smooth(rng, shape, 0, 2), dtype, memory) for _ in range(inputs))
                result.append(Sample(operands, attrs))
        return result

    return samples


def outputs(count: int) -> Callable[[Sample, DType], tuple[DType, ...]]:
    return lambda sample, dtype: (dtype,) * count


def real_draws(dtype: DType) -> list[Sample]:
    shapes: list[tuple[int, ...]] = [(), (0, 3), (7,), (40, 500)]
    return [
        Sample((), {"seed": 11 + n, "offset": 5 * n, "shape": shape, "dtype": dtype}) for n, shape in enumerate(shapes)
    ]


def integer_draws(dtype: DType) -> list[Sample]:
    return [Sample((), {**sample.attrs, "low": 3, "high": 90}) for sample in real_draws(dtype)]


def moments(low: float, high: float, mean: float, std: float) -> Callable[[Sample, DType, tuple[Array, ...]], None]:
    """Range always; mean and spread to five standard errors where there are enough draws."""

    def verify(sample: Sample, dtype: DType, result: tuple[Array, ...]) -> None:
        values = result[0]
        assert ((low <= values) & (values < high)).all()
        if values.size > 1000:
            error = 5 * std / np.sqrt(values.size)
            assert abs(values.mean() - mean) < error + 0.005 * std, (values.mean(), mean)
            assert abs(values.std() - std) < 2 * error + 0.005 * std, (values.std(), std)

    return verify


UPDATE = [
    OpInfo("sgd_step", update_samples("sgd_step", 3, SGD), sgd_step, FLOATS, outputs(2), slack=4),
    OpInfo("sgd_step_plain", update_samples("sgd_step_plain", 2, PLAIN), sgd_step_plain, FLOATS, slack=4),
    OpInfo("adam_step", update_samples("adam_step", 4, ADAM), adam_step, FLOATS, outputs(3), slack=8),
    OpInfo(
        "adam_step_amsgrad",
        update_samples("adam_step_amsgrad", 5, ADAM),
        adam_step_amsgrad,
        FLOATS,
        outputs(4),
        slack=8,
    ),
    OpInfo("uniform", real_draws, None, FLOATS, target_dtype, moments(0, 1, 0.5, 12**-0.5)),
    OpInfo("normal", real_draws, None, FLOATS, target_dtype, moments(-10, 10, 0, 1)),
    OpInfo("randint", integer_draws, None, INTEGERS, target_dtype, moments(3, 90, 46, np.sqrt((87**2 - 1) / 12))),
]
