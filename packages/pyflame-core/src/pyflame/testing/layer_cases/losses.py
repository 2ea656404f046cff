"""Losses and distances."""

from __future__ import annotations

from typing import Any

import numpy as np

from .case import Case, Draw, call

REDUCTIONS = ["mean", "sum", "none"]


def signs(d: Draw, *shape: int) -> Any:
    return d.integers(0, 2, *shape) * 2 - 1


def by_margin(d: Draw) -> Case:
    reduction = d.one(REDUCTIONS)
    name = d.one(["hinge_embedding_loss", "margin_ranking_loss", "soft_margin_loss", "cosine_embedding_loss"])
    if name == "cosine_embedding_loss":
        batch = (d.size(1, 4),) if d.chance(0.8) else ()
        wide = (*batch, d.size(1, 4))
        operands = {"a": d.values(*wide), "b": d.values(*wide), "t": signs(d, *batch)}
        text = call(name, *"abt", margin=d.one([0.0, 0.3]), reduction=reduction)
        return Case(text, operands, ["a", "b"])
    shape = d.sizes(d.size(0, 3), 1, 4)
    operands = {"a": d.values(*shape), "t": signs(d, *shape)}
    if name == "margin_ranking_loss":
        operands["b"] = d.values(*(shape if d.chance(0.95) else (1, *shape)))
        return Case(call(name, *"abt", margin=d.one([0.0, 0.5]), reduction=reduction), operands, ["a", "b"])
    options = {"margin": d.one([1.0, 0.5])} if name == "hinge_embedding_loss" else {}
    return Case(call(name, *"at", **options, reduction=d.one([reduction, "mode"]) if d.chance(0.1) else reduction),
                operands, ["a"])  # fmt: skip


def by_triplet(d: Draw) -> Case:
    shape = (d.size(1, 4), d.size(1, 5)) if d.chance(0.8) else (d.size(1, 5),)
    operands = {key: d.values(*shape) for key in "apn"}
    options: dict[str, Any] = {"margin": d.one([1.0, 3.0, 3.0, -1.0 if d.chance(0.1) else 2.0]), "swap": d.chance(0.4)}
    options["reduction"] = d.one(REDUCTIONS)
    if d.chance(0.2):
        return Case(call("triplet_margin_with_distance_loss", *"apn", **options), operands, list("apn"))
    options |= {"p": d.one([1.0, 2.0, 3.0]), "eps": d.one([1e-6, 1e-3])}
    return Case(call("triplet_margin_loss", *"apn", **options), operands, list("apn"))


def by_classes(d: Draw) -> Case:
    classes, batch = d.size(2, 5), (d.size(1, 4),) if d.chance(0.8) else ()
    reduction = d.one(REDUCTIONS)
    operands: dict[str, Any] = {"x": d.distinct(*batch, classes) * 0.37}
    name = d.one(["multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss"])
    if name == "multi_margin_loss":
        operands["t"] = np.asarray(d.integers(0, classes, *batch))
        weight = ""
        if d.chance(0.4):
            operands["w"], weight = d.values(classes, low=0.2), ", weight=w"
        p = d.one([1, 2, 3]) if d.chance(0.1) else d.one([1, 2])
        text = call(name, "x", "t", p=p, margin=d.one([1.0, 0.4]), reduction=reduction)
        return Case(text[:-1] + weight + ")", operands, ["x"])
    if name == "multilabel_margin_loss":
        rows = [d.rng.permutation(classes) for _ in range(batch[0] if batch else 1)]
        ids = np.stack([np.where(np.arange(classes) < d.size(0, classes), row, -1) for row in rows])
        operands["t"] = ids.reshape(*batch, classes)
        return Case(call(name, "x", "t", reduction=reduction), operands, ["x"])
    operands["t"] = d.integers(0, 2, *batch, classes).astype(float)
    if d.chance(0.4):
        operands["w"] = d.values(classes, low=0.2)
        return Case(f"F.{name}(x, t, weight=w, reduction={reduction!r})", operands, ["x"])
    return Case(call(name, "x", "t", reduction=reduction), operands, ["x"])


def by_likelihood(d: Draw) -> Case:
    shape = d.sizes(d.size(1, 3), 1, 4)
    reduction = d.one(REDUCTIONS)
    if d.chance(0.5):
        log_input = d.chance(0.5)
        operands = {"x": d.values(*shape, low=-1.0 if log_input else 0.1), "t": d.integers(0, 5, *shape).astype(float)}
        text = call("poisson_nll_loss", *"xt", log_input=log_input, full=d.chance(0.5), reduction=reduction)
        return Case(text, operands, ["x"])
    operands = {"x": d.values(*shape), "t": d.values(*shape)}
    size = d.one([shape, (*shape[:-1], 1), shape[:-1]])
    if d.chance(0.1):
        return Case(call("gaussian_nll_loss", *"xt", var=d.one([0.5, 1.5]), reduction=reduction), operands, ["x", "t"])
    operands["v"] = d.values(*size, low=0.3)
    text = call("gaussian_nll_loss", *"xtv", full=d.chance(0.5), eps=d.one([1e-6, 0.8]), reduction=reduction)
    return Case(text, operands, ["x", "t", "v"])


def by_element(d: Draw) -> Case:
    shape = d.sizes(d.size(1, 3), 1, 4)
    operands, reduction = {"x": d.values(*shape), "t": d.values(*shape)}, d.one(REDUCTIONS)
    name = d.one(["mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "kl_div", "binary_cross_entropy"])
    if name == "kl_div":
        log_target = d.chance(0.5)
        if not log_target:
            operands["t"] = d.values(*shape, low=0.0, high=1.0)
        text = call(name, *"xt", reduction=d.one([*REDUCTIONS, "batchmean"]), log_target=log_target)
        return Case(text, operands, ["x", "t"] if log_target else ["x"])
    if name == "binary_cross_entropy":
        name = d.one([name, "binary_cross_entropy_with_logits"])
        operands["t"] = d.values(*shape, low=0.0, high=1.0)
        if name == "binary_cross_entropy":
            operands["x"] = d.values(*shape, low=0.02, high=0.98)
        text = call(name, *"xt", reduction=reduction)
        if d.chance(0.5):
            operands["w"], text = d.values(*shape, low=0.1), text[:-1] + ", weight=w)"
        if name.endswith("logits") and d.chance(0.5):
            operands["p"], text = d.values(shape[-1], low=0.1), text[:-1] + ", pos_weight=p)"
        return Case(text, operands, ["x"])
    options = {"huber_loss": {"delta": 0.7}, "smooth_l1_loss": {"beta": d.one([0.0, 0.7])}}.get(name, {})
    text = call(name, *"xt", **options, reduction=reduction)
    if name != "smooth_l1_loss" and d.chance(0.3):
        operands["w"], text = d.values(*shape, low=0.1), text[:-1] + ", weight=w)"
    return Case(text, operands, ["x", "t"])


def of_classes(d: Draw) -> Case:
    classes = d.size(2, 5)
    batch, rest = ((d.size(1, 3),), d.sizes(d.size(0, 2), 1, 3)) if d.chance(0.85) else ((), ())
    operands: dict[str, Any] = {"x": d.values(*batch, classes, *rest)}
    options: dict[str, Any] = {"reduction": d.one(REDUCTIONS)}
    text, name = "", d.one(["cross_entropy", "nll_loss"])
    if d.chance(0.5):
        operands["w"], text = d.values(classes, low=0.2), ", weight=w"
    if name == "cross_entropy" and d.chance(0.6):
        options["label_smoothing"] = d.one([0.1, 0.4])
    if name == "cross_entropy" and d.chance(0.4):
        weights = d.values(*batch, classes, *rest, low=0.1)
        operands["t"] = weights / weights.sum(len(batch), keepdims=True)
        return Case(call(name, "x", "t", **options)[:-1] + text + ")", operands, ["x", "t"])
    operands["t"] = np.asarray(d.integers(0, classes, *batch, *rest))
    if d.chance(0.4):
        ignored = d.size(0, classes - 1)
        if (operands["t"] != ignored).any():
            options["ignore_index"] = ignored
    return Case(call(name, "x", "t", **options)[:-1] + text + ")", operands, ["x"])


def distance(d: Draw) -> Case:
    name = d.one(["cosine_similarity", "pairwise_distance", "pdist"])
    if name == "pdist":
        x = d.values(d.size(1, 5), d.size(1, 4))
        return Case(call(name, "x", p=d.one([1.0, 2.0, 3.0])), {"x": x}, ["x"])
    shape = d.sizes(d.size(2, 3), 1, 4)
    other = tuple(1 if d.chance(0.2) and k < len(shape) - 1 else size for k, size in enumerate(shape))
    operands = {"a": d.values(*shape), "b": d.values(*other)}
    if name == "cosine_similarity":
        return Case(call(name, *"ab", dim=d.size(-1, len(shape) - 1), eps=d.one([1e-8, 2.0])), operands, ["a", "b"])
    options = {"p": d.one([1.0, 2.0, 3.0]), "eps": d.one([1e-6, 0.1]), "keepdim": d.chance(0.4)}
    return Case(call(name, *"ab", **options), operands, ["a", "b"])


FAMILIES = {
    "margin_losses": by_margin,
    "triplet_losses": by_triplet,
    "class_margin_losses": by_classes,
    "likelihood_losses": by_likelihood,
    "element_losses": by_element,
    "class_losses": of_classes,
    "distances": distance,
}
