"""Activations and dropout."""

from __future__ import annotations

from typing import Any

from ..layer_cases.case import Draw
from .case import ModuleCase, make

PLAIN = ("ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardsigmoid", "Hardswish")
OPTIONS: dict[str, dict[str, list[Any]]] = {
    "LeakyReLU": {"negative_slope": [None, 0.3, 0.0]},
    "ELU": {"alpha": [None, 0.4]},
    "CELU": {"alpha": [None, 0.4]},
    "Hardtanh": {"min_val": [None, -0.3], "max_val": [None, 0.6]},
    "GELU": {"approximate": [None, "tanh"]},
    "Softplus": {"beta": [None, 2, 0.5], "threshold": [None, 1]},
    "Hardshrink": {"lambd": [None, 0.2]},
    "Softshrink": {"lambd": [None, 0.2]},
    "Softmax": {"dim": [0, -1]},
    "LogSoftmax": {"dim": [0, -1]},
    "Softmin": {"dim": [0, -1]},
    "GLU": {"dim": [None, 0]},
    "Sigmoid": {},
    "LogSigmoid": {},
    "Tanh": {},
    "Tanhshrink": {},
    "Softsign": {},
}
INPLACE = (*PLAIN, "LeakyReLU", "ELU", "CELU", "Hardtanh")


def activation(d: Draw) -> ModuleCase:
    kind = d.one([*PLAIN, *OPTIONS])
    options = {key: d.one(choices) for key, choices in OPTIONS.get(kind, {}).items()}
    x = d.values(*(2 * size for size in d.sizes(d.size(1, 3), 1, 3)))
    inplace = kind in INPLACE and d.chance(0.4)
    options |= {"inplace": True} if inplace else {}
    return ModuleCase(make(kind, **options), {"x": x}, "module(x * 1)" if inplace else "module(x)")


def learned(d: Draw) -> ModuleCase:
    kind = d.one(["PReLU", "PReLU", "RReLU", "Threshold", "Softmax2d"])
    if kind == "PReLU":
        count = d.size(1, 3)
        shape = d.sizes(d.size(1, 3), 1, 4) if count == 1 else (d.size(1, 3), count, *d.sizes(d.size(0, 2), 1, 3))
        return ModuleCase(make(kind, count, init=d.one([None, 0.1])), {"x": d.values(*shape)})
    if kind == "RReLU":
        return ModuleCase(make(kind, 0.1, 0.4), {"x": d.values(*d.sizes(2, 1, 4))}, training=False)
    if kind == "Threshold":
        return ModuleCase(make(kind, 0.2, -3.0), {"x": d.values(*d.sizes(2, 1, 4))})
    return ModuleCase(make(kind), {"x": d.values(*d.sizes(d.size(2, 5), 1, 3))})


def dropout(d: Draw) -> ModuleCase:
    kind = d.one(["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"])
    rank = {"Dropout1d": d.size(2, 3), "Dropout2d": d.size(3, 4), "Dropout3d": d.size(4, 5)}.get(kind, d.size(2, 4))
    training = d.chance(0.5)
    share = d.one([0.0, 0.0, 1.0] if "Alpha" not in kind else [0.0]) if training else d.one([None, 0.3])
    share = 1.5 if d.chance(0.03) else share
    inplace = d.chance(0.3)
    module = make(kind, share, inplace=True) if inplace else make(kind, 0.5 if share is None else share)
    call = "module(x * 1)" if inplace else "module(x)"
    module = module.replace("None, ", "")
    return ModuleCase(module, {"x": d.values(*d.sizes(rank, 1, 3))}, call, training=training)


FAMILIES = {"activation": activation, "learned_activation": learned, "dropout": dropout}
