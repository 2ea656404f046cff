"""Batch normalization by running statistics, with the factor that follows from the weights as a step of its own.

The arithmetic is that of `pyflame.nn.functional.batch_norm`, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyflame as pf
from pyflame import Tensor

from .maps import Map
from .program import Step


def split(step: Step) -> Iterator[Step]:
    """Yield a step, or the two that it can be taken apart into."""
    attributes = step.attributes
    plain = step.op == "BatchNormalization" and len(step.inputs) == 5 and attributes.get("spatial", 1)
    if not plain or attributes.get("training_mode"):
        yield step
        return
    x, scale, bias, mean, var = step.inputs
    factor = f"{step.outputs[0]}\0factor"
    epsilon = {"epsilon": attributes.get("epsilon", 1e-5)}
    yield Step(step.op, step.where, FACTOR, (scale, var), epsilon, (factor,), step.version)
    yield Step(step.op, step.where, APPLY, (x, factor, bias, mean), {}, step.outputs[:1], step.version)


def factor_of(scale: Tensor, var: Tensor, *, epsilon: float) -> Tensor:
    return pf.rsqrt(var + epsilon) * scale


def apply(x: Tensor, factor: Tensor, bias: Tensor, mean: Tensor) -> Tensor:
    shape = (-1, *[1] * (x.ndim - 2))
    return (x - mean.reshape(shape)) * factor.reshape(shape) + bias.reshape(shape)


FACTOR, APPLY = Map("BatchNormalization", factor_of), Map("BatchNormalization", apply)
