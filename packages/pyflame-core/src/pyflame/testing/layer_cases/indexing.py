"""Embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np

from .case import Case, Draw, call


def embedding(d: Draw) -> Case:
    rows = d.size(3, 6)
    operands = {"x": d.integers(0, rows, *d.sizes(d.size(0, 3), 1, 4)), "w": d.values(rows, d.size(1, 4))}
    options: dict[str, Any] = {
        "padding_idx": d.one([None, 1, -1, -2, rows + 2 if d.chance(0.1) else None]),
        "scale_grad_by_freq": d.chance(0.4),
    }
    if d.chance(0.3):
        options |= {"max_norm": d.one([0.5, 1.0]), "norm_type": d.one([1.0, 2.0])}
        return Case(call("embedding", "x", "w", **options), operands, [], ["w"])
    return Case(call("embedding", "x", "w", **options), operands, ["w"])


def bag(d: Draw) -> Case:
    rows, mode = d.size(3, 6), d.one(["sum", "mean", "max"])
    operands = {"w": d.values(rows, d.size(1, 4))}
    # scale_grad_by_freq is left out: PyTorch's CPU kernel divides by the counts of other rows.
    options = {"mode": mode, "padding_idx": d.one([None, 1, -1])}
    text = ""
    if d.chance(0.4):
        operands["x"] = d.integers(0, rows, d.size(1, 4), d.size(1, 4))
    else:
        count, last = d.size(1, 8), d.chance(0.4)
        operands["x"] = d.integers(0, rows, count)
        inner = np.sort(d.integers(0, count + 1, d.size(0, 3)))
        operands["offsets"] = np.concatenate([[0 if d.chance(0.95) else 1], inner, [count] if last else []]).astype(int)
        text = f", offsets=offsets, include_last_offset={last}"
    grads = ["w"]
    if mode == "sum" and d.chance(0.4):
        operands["s"] = d.values(*operands["x"].shape)
        text += ", per_sample_weights=s"
        grads.append("s")
    return Case(call("embedding_bag", "x", "w", **options)[:-1] + text + ")", operands, grads)


def one_hot(d: Draw) -> Case:
    x = d.integers(0, 4, *d.sizes(d.size(0, 2), 1, 4))
    return Case(call("one_hot", "x", num_classes=d.one([-1, 4, 6])), {"x": x})


FAMILIES = {"embedding": embedding, "embedding_bag": bag, "one_hot": one_hot}
