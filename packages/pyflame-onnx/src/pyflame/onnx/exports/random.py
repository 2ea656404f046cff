"""Random draws: of the same distributions, not the same numbers."""

from __future__ import annotations

import pyflame as pf

from .dims import Varying
from .table import Context, exports
from .types import ONNX_TYPES

RANDOM = ("uniform", "normal", "randint")


def draw(c: Context, kind: str, **attrs: float) -> str:
    """Draws of a static or dynamic shape, float32 where the operator does not take the dtype."""
    e, shape = c.e, c.shape()
    dtype = c.dtype if c.dtype in (pf.float16, pf.float32, pf.float64) else pf.float32
    if any(isinstance(one, Varying) for one in shape):
        source = e.op("ConstantOfShape", e.ints(shape))
        return e.op(f"{kind}Like", source, dtype=ONNX_TYPES[dtype], **attrs)
    found = e.op(kind, shape=list(shape) or [1], dtype=ONNX_TYPES[dtype], **attrs)
    return found if shape else e.squeeze(found, [0])


@exports("uniform")
def uniform(c: Context) -> str:
    return c.e.cast(draw(c, "RandomUniform", low=0.0, high=1.0), c.dtype)


@exports("normal")
def normal(c: Context) -> str:
    return c.e.cast(draw(c, "RandomNormal", mean=0.0, scale=1.0), c.dtype)


@exports("randint")
def randint(c: Context) -> str:
    low, high = c.attr("low"), c.attr("high")
    e = c.e
    numbers = e.op("Floor", draw(c, "RandomUniform", low=float(low), high=float(high)))
    return e.cast(numbers, c.dtype)
