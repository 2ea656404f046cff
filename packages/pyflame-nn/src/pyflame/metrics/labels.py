"""From scores or labels of three kinds of tasks to 0 and 1 for each class."""

from __future__ import annotations

from typing import Any

import numpy as np

from .metric import Array, to_array

TASKS = ("binary", "multiclass", "multilabel")


def check_task(name: str, task: str, average: str | None, num_classes: int | None, top_k: int = 1) -> None:
    if task not in TASKS:
        raise ValueError(f"[{name}] task is {task!r}: expected one of {', '.join(TASKS)}")
    if average not in ("micro", "macro", "weighted", "none", None):
        raise ValueError(f"[{name}] average is {average!r}: expected micro, macro, weighted or none")
    if task != "binary" and (num_classes is None or num_classes < 1):
        raise ValueError(f"[{name}] num_classes is {num_classes}: a {task} task needs the number of classes or labels")
    if top_k < 1:
        raise ValueError(f"[{name}] top_k is {top_k}: expected a positive number")


def pairs(preds: Any, target: Any, task: str, classes: int, ignore_index: int | None) -> tuple[Array, Array, Array]:
    """Return predictions and targets of one row for each decision, and which of them count.

    Predictions are scores of shape (rows, classes), or labels (rows,) in multiclass tasks; targets are labels (rows,)
    in multiclass tasks, else (rows, classes).

    Raises:
        ValueError: the shapes do not fit.
    """
    preds, target = to_array(preds), to_array(target)
    scored = task == "multilabel" or (task == "multiclass" and preds.ndim == target.ndim + 1)
    if scored:
        if preds.ndim < 2 or preds.shape[1] != classes:
            raise ValueError(f"[metrics] preds has shape {preds.shape}: expected {classes} classes in dimension 1")
        preds = np.moveaxis(preds, 1, -1).reshape(-1, classes)
        if task == "multilabel":
            if target.ndim < 2 or target.shape[1] != classes:
                raise ValueError(f"[metrics] target has shape {target.shape}: expected {classes} in dimension 1")
            target = np.moveaxis(target, 1, -1).reshape(-1, classes)
    else:
        preds = preds.ravel() if task == "multiclass" else preds.reshape(-1, 1)
    if task != "multilabel":
        target = target.ravel() if task == "multiclass" else target.reshape(-1, 1)
    if len(preds) != len(target):
        raise ValueError(f"[metrics] {len(preds)} predictions for {len(target)} targets")
    counts = np.ones(target.shape, bool) if ignore_index is None else target != ignore_index
    if task == "multiclass":
        preds, target, counts = preds[counts], target[counts], counts[counts]
        for name, labels in (("target", target), *([("preds", preds)] if preds.ndim == 1 else [])):
            if labels.size and not (labels.min() >= 0 and labels.max() < classes):
                raise ValueError(f"[metrics] {name} has labels outside 0 to {classes - 1}")
    return preds, target, counts


def probabilities(preds: Array) -> Array:
    """Return scores as they are if they lie between 0 and 1, else take them for logits."""
    preds = preds.astype(np.float64)
    if preds.size and (preds.min() < 0 or preds.max() > 1):
        preds = 0.5 * (1 + np.tanh(preds / 2))
    return preds


def chosen(preds: Array, threshold: float) -> Array:
    """Return 0 and 1 for scores; labels stay."""
    if preds.dtype.kind == "f":
        return probabilities(preds) > threshold
    return preds.astype(bool)


def best(preds: Array, target: Array, top_k: int) -> Array:
    """Return the predicted classes: the target if it is among the `top_k`, else the first.

    Raises:
        ValueError: `top_k` is not 1 and predictions are labels, or larger than the number of classes.
    """
    if preds.ndim == 1:
        if top_k != 1:
            raise ValueError(f"[metrics] top_k is {top_k}: it needs scores of shape (N, classes)")
        return preds.astype(np.int64)
    first = preds.argmax(1)
    if top_k == 1:
        return first
    if top_k > preds.shape[1]:
        raise ValueError(f"[metrics] top_k is {top_k}, more than the {preds.shape[1]} classes")
    leading = np.argsort(-preds, 1, kind="stable")[:, :top_k]
    return np.where((leading == target[:, None]).any(1), target, first)
