"""Metrics of the order in which scores put the targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyflame import Tensor

from .labels import check_task, pairs
from .metric import Array, Metric, divide, to_tensor


class RankingMetric(Metric):
    """Keeps all scores and targets: an exact order needs them.

    Args:
        task: "binary", "multiclass", where each class is set against the rest, or "multilabel".
        num_classes: how many classes or labels there are; binary tasks need none.
        average: "macro", "weighted", "micro" (multilabel tasks) or "none".
        ignore_index: a target that does not count.
        num_labels: another name of `num_classes`.
    """

    scores: list[Array]
    targets: list[Array]
    known: list[Array]

    def __init__(
        self,
        task: str = "multiclass",
        num_classes: int | None = None,
        average: str | None = "macro",
        ignore_index: int | None = None,
        num_labels: int | None = None,
    ) -> None:
        super().__init__()
        num_classes = num_labels if num_classes is None else num_classes
        check_task(type(self).__name__, task, average, num_classes)
        if average == "micro" and task == "multiclass":
            raise ValueError(f"[{type(self).__name__}] average is 'micro': expected another one in multiclass tasks")
        self.task, self.average, self.ignore_index = task, average, ignore_index
        self.num_classes = num_classes or 1
        self.add_state("scores", [], "cat")
        self.add_state("targets", [], "cat")
        self.add_state("known", [], "cat")

    def update(self, preds: Any, target: Any) -> None:
        preds, target, known = pairs(preds, target, self.task, self.num_classes, self.ignore_index)
        if preds.ndim == 1:
            raise ValueError(f"[{type(self).__name__}] preds are labels: expected scores of shape (N, classes)")
        if self.task == "multiclass":
            target = target[:, None] == np.arange(self.num_classes)
            known = np.ones(target.shape, bool)
        self.scores, self.targets = [*self.scores, preds.astype(np.float64)], [*self.targets, target == 1]
        self.known = [*self.known, known]

    def compute(self) -> Tensor:
        if not self.scores:
            return to_tensor(divide(0, 0, type(self).__name__))
        scores, targets, known = (np.concatenate(part) for part in (self.scores, self.targets, self.known))
        if self.task == "binary" or self.average == "micro":
            return to_tensor(self.value(scores[known], targets[known]))
        columns = list(zip(scores.T, targets.T, known.T))
        values = np.array([self.value(score[use], target[use]) for score, target, use in columns])
        support = np.array([target[use].sum() for _, target, use in columns])
        if self.average == "weighted":
            return to_tensor(divide(values @ support, support.sum(), type(self).__name__))
        return to_tensor(values.mean() if self.average == "macro" else values)

    def value(self, scores: Array, targets: Array) -> float:
        """Return the value of one class."""
        raise NotImplementedError(f"[metrics] {type(self).__name__} has no value(scores, targets)")


class AUROC(RankingMetric):
    """The probability that a positive scores higher than a negative, where ties count one half.

    Args:
        task: "binary", "multiclass", where each class is set against the rest, or "multilabel".
        num_classes: how many classes or labels there are; binary tasks need none.
        average: "macro", "weighted", "micro" (multilabel tasks) or "none".
        ignore_index: a target that does not count.
        num_labels: another name of `num_classes`.

    Raises:
        ValueError: an argument is out of range, or `num_classes` is missing.

    Example:
        >>> from pyflame import metrics
        >>> metrics.AUROC("binary")([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
        tensor(0.7500)
    """

    def value(self, scores: Array, targets: Array) -> float:
        positives = int(targets.sum())
        above = ranks(scores)[targets].sum() - positives * (positives + 1) / 2
        return float(divide(above, positives * (len(targets) - positives), "AUROC"))


class AveragePrecision(RankingMetric):
    """The mean of the precisions at each threshold, weighted by the recall it adds.

    The arguments are those of `AUROC`.

    Example:
        >>> from pyflame import metrics
        >>> metrics.AveragePrecision("binary")([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
        tensor(0.8333)
    """

    def value(self, scores: Array, targets: Array) -> float:
        _, place = np.unique(-scores, return_inverse=True)
        hits = np.bincount(place, targets)
        found, chosen = hits.cumsum(), np.bincount(place).cumsum()
        return float(divide((hits * found / chosen).sum(), hits.sum(), "AveragePrecision"))


def ranks(values: Array) -> Array:
    """Return the places from 1 in ascending order; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return (last - (counts - 1) / 2)[place]
