"""Activation functions, at their kinks too."""

from __future__ import annotations

from typing import Any

from .case import Case, Draw, call

OPTIONS: dict[str, dict[str, list[Any]]] = {
    "relu": {},
    "relu6": {},
    "elu": {"alpha": [1.0, 0.6]},
    "selu": {},
    "celu": {"alpha": [1.0, 0.5]},
    "gelu": {"approximate": ["none", "tanh"]},
    "silu": {},
    "mish": {},
    "leaky_relu": {"negative_slope": [0.01, 0.3]},
    "rrelu": {"lower": [0.1], "upper": [0.3]},
    "hardtanh": {"min_val": [-1.0, -2.0], "max_val": [1.0, 0.5]},
    "hardsigmoid": {},
    "hardswish": {},
    "hardshrink": {"lambd": [0.5, 1.0]},
    "softshrink": {"lambd": [0.5, 1.0, -1.0]},
    "tanhshrink": {},
    "softplus": {"beta": [1.0, 2.0], "threshold": [20.0, 1.0]},
    "softsign": {},
    "sigmoid": {},
    "tanh": {},
    "logsigmoid": {},
    "threshold": {"threshold": [0.5, -1.0], "value": [2.0]},
    "softmax": {"dim": [-1, 0]},
    "softmin": {"dim": [-1, 0]},
    "log_softmax": {"dim": [-1, 0]},
    "glu": {"dim": [-1, 0]},
}


def elementwise(d: Draw) -> Case:
    name = d.one(list(OPTIONS))
    shape = d.sizes(d.size(1, 3), 1, 5)
    kinks = d.chance(0.5) and name not in ("softsign", "softplus")
    x = d.integers(-14, 15, *shape) / 2.0 if kinks else d.values(*shape, low=-4.0, high=4.0)
    options = {key: d.one(values) for key, values in OPTIONS[name].items()}
    return Case(call(name, "x", **options), {"x": x}, ["x"])


def learned(d: Draw) -> Case:
    x = d.values(*d.sizes(d.size(1, 4), 1, 4))
    channels = x.shape[1] if x.ndim > 1 else 1
    operands = {"x": x, "w": d.values(d.one([1, channels]) + d.chance(0.05))}
    return Case(call("prelu", "x", "w"), operands, ["x", "w"])


def products(d: Draw) -> Case:
    lead, first, second, out = d.sizes(d.size(0, 2), 1, 3), *d.sizes(3, 1, 4)
    operands = {
        "a": d.values(*lead, first),
        "b": d.values(*lead, second),
        "w": d.values(out, first, second + d.chance(0.03)),
    }
    if d.chance(0.5):
        operands["c"] = d.values(out)
    return Case(call("bilinear", *operands), operands, list(operands))


FAMILIES = {"activations": elementwise, "prelu": learned, "bilinear": products}
