"""Losses, with all reductions and weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..layer_cases.case import Draw
from .case import ModuleCase, Raw, make


def reduction(d: Draw) -> str | None:
    return d.one([None, "mean", "sum", "none", "none" if d.chance(0.9) else "median"])


def values(*shape: int) -> Raw:
    return Raw(f"values({', '.join(map(str, shape))})")


def pairs(d: Draw) -> ModuleCase:
    kind = d.one(["MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "KLDivLoss", "SoftMarginLoss", "PoissonNLLLoss"])
    shape = d.sizes(d.size(0, 3), 1, 4)
    shape = (0, *shape[1:]) if shape and d.chance(0.05) else shape
    options: dict[str, Any] = {"reduction": reduction(d)}
    if kind == "SmoothL1Loss":
        options["beta"] = d.one([None, 0.3, 0.0, -1.0 if d.chance(0.2) else 0.5])
    if kind == "HuberLoss":
        options["delta"] = d.one([None, 0.3, 0.0 if d.chance(0.2) else 2.0])
    if kind == "KLDivLoss":
        options["log_target"] = d.one([None, True])
        options["reduction"] = d.one([options["reduction"], "batchmean"])
    if kind == "PoissonNLLLoss":
        options |= {"log_input": d.one([None, False]), "full": d.one([None, True]), "eps": d.one([None, 0.1])}
    x, y = d.values(*shape), d.values(*shape, low=0.1)
    x = np.abs(x) + 0.1 if kind == "PoissonNLLLoss" else x
    y = np.where(y > 1, 1.0, -1.0) if kind == "SoftMarginLoss" else y
    constant = [] if kind in ("MSELoss", "L1Loss", "KLDivLoss", "SmoothL1Loss", "HuberLoss") else ["y"]
    return ModuleCase(make(kind, **options), {"x": x, "y": np.asarray(y)}, "module(x, y)", constant)


def binary(d: Draw) -> ModuleCase:
    kind, shape = d.one(["BCELoss", "BCEWithLogitsLoss"]), d.sizes(d.size(1, 3), 1, 4)
    options: dict[str, Any] = {"reduction": reduction(d), "weight": d.one([None, values(shape[-1]), values(*shape)])}
    if kind == "BCEWithLogitsLoss":
        options["pos_weight"] = d.one([None, values(shape[-1])])
    x = d.values(*shape, low=0.02, high=0.98) if kind == "BCELoss" else d.values(*shape, low=-4.0, high=4.0)
    target = d.values(*(shape if d.chance(0.95) else (*shape, 2)), low=0.0, high=1.0)
    return ModuleCase(make(kind, **options), {"x": x, "y": target}, "module(x, y)", ["y"])


def classes(d: Draw) -> ModuleCase:
    kind, count = d.one(["CrossEntropyLoss", "CrossEntropyLoss", "NLLLoss"]), d.size(1, 5)
    lead = (d.size(1, 4), count, *d.sizes(d.size(0, 2), 1, 3)) if d.chance(0.85) else (count,)
    options: dict[str, Any] = {
        "reduction": reduction(d),
        "weight": d.one([None, values(count + d.chance(0.03))]),
        "ignore_index": d.one([None, None, 0, count - 1]),
    }
    if kind == "CrossEntropyLoss":
        # PyTorch does not smooth the labels of single inputs without reduction.
        smooth = [0.2, 1.0, 1.5 if d.chance(0.1) else 0.1] if len(lead) > 1 else []
        options["label_smoothing"] = d.one([None, None, *smooth])
    x = d.values(*lead)
    if kind == "CrossEntropyLoss" and d.chance(0.3):
        options["ignore_index"] = None
        return ModuleCase(make(kind, **options), {"x": x, "y": d.values(*lead, low=0.0, high=1.0)}, "module(x, y)")
    shape = lead[:1] + lead[2:] if len(lead) > 1 else ()
    shape = (*shape, 2) if d.chance(0.03) else shape
    return ModuleCase(make(kind, **options), {"x": x, "i": d.integers(0, count, *shape)}, "module(x, i)")


def margins(d: Draw) -> ModuleCase:
    kind = d.one(["HingeEmbeddingLoss", "MarginRankingLoss", "CosineEmbeddingLoss", "TripletMarginLoss"])
    kind = d.one([kind, "TripletMarginWithDistanceLoss"])
    shape = d.sizes(2, 1, 4)
    options: dict[str, Any] = {"reduction": reduction(d), "margin": d.one([None, 0.3])}
    operands = {"x": d.values(*shape), "y": d.values(*shape), "z": d.values(*shape)}
    signs = np.where(d.values(*shape) > 0, 1.0, -1.0)
    if kind == "HingeEmbeddingLoss":
        return ModuleCase(make(kind, **options), {"x": operands["x"], "s": signs}, "module(x, s)", ["s"])
    if kind == "MarginRankingLoss":
        chosen = {"x": operands["x"], "y": operands["y"], "s": signs}
        return ModuleCase(make(kind, **options), chosen, "module(x, y, s)", ["s"])
    if kind == "CosineEmbeddingLoss":
        chosen = {"x": operands["x"], "y": operands["y"], "s": signs[:, 0]}
        if d.chance(0.3):
            chosen = {"x": operands["x"][0], "y": operands["y"][0], "s": np.asarray(signs[0, 0])}
        return ModuleCase(make(kind, **options), chosen, "module(x, y, s)", ["s"])
    options["swap"] = d.one([None, True])
    if kind == "TripletMarginLoss":
        options |= {"p": d.one([None, 1.0, 3.0]), "eps": d.one([None, 0.1])}
    return ModuleCase(make(kind, **options), operands, "module(x, y, z)")


def multi(d: Draw) -> ModuleCase:
    kind = d.one(["MultiLabelMarginLoss", "MultiLabelSoftMarginLoss", "MultiMarginLoss"])
    count = d.size(1, 4)
    options: dict[str, Any] = {"reduction": reduction(d)}
    lead = (d.size(1, 4),) if d.chance(0.8) else ()
    x = d.values(*lead, count)
    if kind == "MultiLabelMarginLoss":
        return ModuleCase(make(kind, **options), {"x": x, "i": d.integers(-1, count, *lead, count)}, "module(x, i)")
    options["weight"] = d.one([None, values(count)])
    if kind == "MultiLabelSoftMarginLoss":
        target = d.values(*lead, count, low=0.0, high=1.0)
        return ModuleCase(make(kind, **options), {"x": x, "y": target}, "module(x, y)", ["y"])
    options |= {"p": d.one([None, 2, 3 if d.chance(0.2) else 1]), "margin": d.one([None, 0.4])}
    return ModuleCase(make(kind, **options), {"x": x, "i": d.integers(0, count, *lead)}, "module(x, i)")


def likelihood(d: Draw) -> ModuleCase:
    shape = d.sizes(d.size(1, 3), 1, 4)
    options: dict[str, Any] = {"reduction": reduction(d)}
    if d.chance(0.5):
        options |= {"full": d.one([None, True]), "eps": d.one([None, 0.3])}
        variance = d.one([shape, shape[:-1], (*shape[:-1], 1)])
        operands = {"x": d.values(*shape), "y": d.values(*shape), "v": d.values(*variance, low=0.1)}
        return ModuleCase(make("GaussianNLLLoss", **options), operands, "module(x, y, v)")
    steps, count, batch = d.size(3, 6), d.size(2, 4), d.size(1, 3)
    options |= {"blank": d.one([None, count - 1]), "zero_infinity": d.one([None, True])}
    long = d.size(1, 3)
    low = 1 if options["blank"] is None else 0
    ids = d.integers(low, count - (options["blank"] is not None), batch, long)
    lengths = [d.size(1, steps) for _ in range(batch)], [d.size(0, long) for _ in range(batch)]
    call = f"module(x.log_softmax(2), i, {lengths[0]}, {lengths[1]})"
    return ModuleCase(make("CTCLoss", **options), {"x": d.values(steps, batch, count), "i": ids}, call)


FAMILIES = {
    "pair_losses": pairs,
    "binary_losses": binary,
    "class_losses": classes,
    "margin_losses": margins,
    "multi_losses": multi,
    "likelihood_losses": likelihood,
}
