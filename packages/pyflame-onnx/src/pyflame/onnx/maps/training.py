"""Optimizer steps as operators (ai.onnx.preview.training): R, T, then all parameters, all gradients, all states."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyflame as pf
from pyflame import Tensor

from .registry import maps

DOMAIN = "ai.onnx.preview.training"


def for_each(values: Sequence[Tensor], states: int, update: Callable[..., tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """Apply an update to every parameter; results come grouped as the inputs do."""
    count = len(values) // (2 + states)
    rows = [update(*values[place::count]) for place in range(count)]
    return tuple(value for column in zip(*rows) for value in column)


@maps("Adagrad", 1, domain=DOMAIN)
def adagrad(
    rate: Tensor,
    step: Tensor,
    *values: Tensor,
    decay_factor: float = 0.0,
    epsilon: float = 1e-6,
    norm_coefficient: float = 0.0,
) -> tuple[Tensor, ...]:
    decayed = rate / (1 + pf.cast(step, rate.dtype) * decay_factor)

    def update(x: Tensor, gradient: Tensor, squares: Tensor) -> tuple[Tensor, ...]:
        g = norm_coefficient * x + gradient
        grown = squares + g * g
        return x - decayed * g / (pf.sqrt(grown) + epsilon), grown

    return for_each(values, 1, update)


@maps("Adam", 1, domain=DOMAIN)
def adam(
    rate: Tensor,
    step: Tensor,
    *values: Tensor,
    alpha: float = 0.9,
    beta: float = 0.999,
    epsilon: float = 0.0,
    norm_coefficient: float = 0.0,
    norm_coefficient_post: float = 0.0,
) -> tuple[Tensor, ...]:
    t = pf.cast(step, rate.dtype)
    corrected = rate * pf.sqrt(1 - pf.pow(beta, t)) / (1 - pf.pow(alpha, t))
    adjusted = pf.where(t > 0, corrected, rate)

    def update(x: Tensor, gradient: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        g = norm_coefficient * x + gradient
        v, h = alpha * first + (1 - alpha) * g, beta * second + (1 - beta) * g * g
        moved = x - adjusted * (v / (pf.sqrt(h) + epsilon))
        return (1 - norm_coefficient_post) * moved, v, h

    return for_each(values, 2, update)


@maps("Momentum", 1, domain=DOMAIN)
def momentum(
    rate: Tensor, step: Tensor, *values: Tensor, alpha: float, beta: float, mode: str, norm_coefficient: float
) -> tuple[Tensor, ...]:
    # The first gradient enters whole.
    share = pf.where(step > 0, pf.full((), beta, dtype=rate.dtype), pf.ones((), dtype=rate.dtype))

    def update(x: Tensor, gradient: Tensor, velocity: Tensor) -> tuple[Tensor, ...]:
        g = norm_coefficient * x + gradient
        v = alpha * velocity + share * g
        return x - rate * (g + alpha * v if mode == "nesterov" else v), v

    return for_each(values, 1, update)
