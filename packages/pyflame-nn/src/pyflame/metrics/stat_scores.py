"""Metrics that follow from the numbers of true and false positives and negatives of each class."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyflame import Tensor, tensor

from .labels import best, check_task, chosen, pairs
from .metric import Array, Metric, divide, to_tensor


class StatScores(Metric):
    """Counts true and false positives and negatives.

    Args:
        task: "binary", "multiclass" or "multilabel".
        num_classes: how many classes or labels there are; binary tasks need none.
        average: "micro" counts all classes together, "macro" takes the mean over the classes that occur, "weighted" by
            how often they occur, "none" returns one value for each.
        ignore_index: a target that does not count.
        threshold: the probability above which a label is chosen; scores outside 0 to 1 are logits.
        top_k: how many of the highest scores may hit the target, in multiclass tasks.
        num_labels: another name of `num_classes`.

    Updates take predictions, as labels of shape (N, ...) or scores of shape (N, classes, ...), and targets (N, ...);
    in multilabel tasks both have shape (N, labels, ...).

    Raises:
        ValueError: an argument is out of range, or `num_classes` is missing.

    Example:
        >>> from pyflame import metrics
        >>> scores = metrics.StatScores("binary")
        >>> scores.update([1, 1, 0, 0], [1, 0, 0, 0])
        >>> scores.compute()  # true and false positives, true and false negatives, positive targets
        tensor([1, 1, 2, 0, 1])
    """

    counts: Array

    def __init__(
        self,
        task: str = "multiclass",
        num_classes: int | None = None,
        average: str | None = "micro",
        ignore_index: int | None = None,
        threshold: float = 0.5,
        top_k: int = 1,
        num_labels: int | None = None,
    ) -> None:
        super().__init__()
        num_classes = num_labels if num_classes is None else num_classes
        check_task(type(self).__name__, task, average, num_classes, top_k)
        self.task, self.average, self.ignore_index = task, average, ignore_index
        self.threshold, self.top_k = threshold, top_k
        self.num_classes = num_classes or 1
        self.binary = task == "binary"
        self.add_state("counts", np.zeros((4, 1 if self.binary else self.num_classes), np.int64))

    def update(self, preds: Any, target: Any) -> None:
        preds, target, known = pairs(preds, target, self.task, self.num_classes, self.ignore_index)
        if self.task == "multiclass":
            found = best(preds, target, self.top_k)
            hits, of_preds, of_target = (
                np.bincount(labels.astype(np.int64), minlength=self.num_classes)
                for labels in (target[found == target], found, target)
            )
            size = np.full(self.num_classes, len(target))
        else:
            found, target = chosen(preds, self.threshold) & known, (target == 1) & known
            hits, of_preds, of_target = (part.sum(0) for part in (found & target, found, target))
            size = known.sum(0)
        misses, alarms = of_target - hits, of_preds - hits
        self.counts = self.counts + np.stack([hits, alarms, size - hits - misses - alarms, misses])

    def compute(self) -> Tensor:
        counts = self.counts.sum(1) if self.binary or self.average == "micro" else self.counts.T
        counts = np.concatenate([counts, counts[..., :1] + counts[..., 3:]], -1)
        if counts.ndim == 2 and self.average == "macro":
            return to_tensor(counts.mean(0))
        if counts.ndim == 2 and self.average == "weighted":
            return to_tensor(divide(counts[:, 4] @ counts, counts[:, 4].sum(), "StatScores"))
        return tensor(counts)

    def _average(self, top: Array, bottom: Array) -> Tensor:
        """Return quotients averaged as asked; a class that neither occurs nor is predicted has none."""
        name = type(self).__name__
        if self.binary or self.average == "micro":
            return to_tensor(divide(top.sum(), bottom.sum(), name))
        hits, alarms, _, misses = self.counts
        seen = hits + alarms + misses > 0
        values = divide(top, bottom, name, seen)
        if self.average == "macro":
            return to_tensor(divide(values[seen].sum(), seen.sum(), name))
        if self.average == "weighted":
            return to_tensor(divide(values @ (hits + misses), (hits + misses).sum(), name))
        return to_tensor(values)


class Precision(StatScores):
    """The share of predictions that are right; the arguments are those of `StatScores`.

    Example:
        >>> from pyflame import metrics
        >>> metrics.Precision("binary")([1, 1, 1, 0], [1, 0, 1, 0])
        tensor(0.6667)
    """

    def compute(self) -> Tensor:
        hits, alarms, _, _ = self.counts
        return self._average(hits, hits + alarms)


class Recall(StatScores):
    """The share of targets that are found; the arguments are those of `StatScores`.

    Example:
        >>> from pyflame import metrics
        >>> metrics.Recall("binary")([1, 0, 0, 0], [1, 1, 0, 0])
        tensor(0.5000)
    """

    def compute(self) -> Tensor:
        hits, _, _, misses = self.counts
        return self._average(hits, hits + misses)


class Specificity(StatScores):
    """The share of negatives that are left alone; the arguments are those of `StatScores`.

    Example:
        >>> from pyflame import metrics
        >>> metrics.Specificity("binary")([1, 0, 0, 0], [1, 1, 0, 0])
        tensor(1.)
    """

    def compute(self) -> Tensor:
        _, alarms, rest, _ = self.counts
        return self._average(rest, rest + alarms)


class FBetaScore(StatScores):
    """The harmonic mean of precision and recall, in which recall counts `beta` squared times.

    Args:
        beta: weight of recall; the other arguments are those of `StatScores`.

    Raises:
        ValueError: `beta` is not positive, or as for `StatScores`.

    Example:
        >>> from pyflame import metrics
        >>> metrics.FBetaScore("binary", beta=2.0)([1, 1, 0, 0], [1, 0, 0, 0])
        tensor(0.8333)
    """

    def __init__(
        self, task: str = "multiclass", num_classes: int | None = None, beta: float = 1.0, **options: Any
    ) -> None:
        super().__init__(task, num_classes, **options)
        if beta <= 0:
            raise ValueError(f"[FBetaScore] beta is {beta}: expected a positive number")
        self.beta = beta

    def compute(self) -> Tensor:
        (hits, alarms, _, misses), weight = self.counts, self.beta**2
        return self._average((1 + weight) * hits, (1 + weight) * hits + weight * misses + alarms)


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall; the arguments are those of `StatScores`.

    Example:
        >>> from pyflame import metrics
        >>> metrics.F1Score("multiclass", num_classes=3, average="macro")([0, 1, 2, 2], [0, 1, 1, 2])
        tensor(0.7778)
    """

    def __init__(self, task: str = "multiclass", num_classes: int | None = None, **options: Any) -> None:
        super().__init__(task, num_classes, 1.0, **options)


class JaccardIndex(StatScores):
    """Intersection over union; the arguments are those of `StatScores`.

    Example:
        >>> from pyflame import metrics
        >>> metrics.JaccardIndex("binary")([1, 1, 0, 0], [1, 0, 0, 0])
        tensor(0.5000)
    """

    def compute(self) -> Tensor:
        hits, alarms, _, misses = self.counts
        return self._average(hits, hits + alarms + misses)


class Accuracy(StatScores):
    """The share of right decisions; averaged over classes it is their mean recall, in multiclass tasks.

    The arguments are those of `StatScores`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import metrics
        >>> accuracy = metrics.Accuracy("multiclass", num_classes=3)
        >>> accuracy.update(pf.tensor([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]]), pf.tensor([0, 2]))
        >>> accuracy.compute()
        tensor(0.5000)
    """

    def compute(self) -> Tensor:
        hits, alarms, rest, misses = self.counts
        if self.task == "multiclass":
            return self._average(hits, hits + misses)
        return self._average(hits + rest, hits + alarms + rest + misses)


class MulticlassAccuracy(Accuracy):
    """`Accuracy` of a multiclass task, by default the mean over the classes.

    Example:
        >>> from pyflame import metrics
        >>> metrics.MulticlassAccuracy(2)([0, 0, 0, 1], [0, 0, 1, 1])
        tensor(0.7500)
    """

    def __init__(self, num_classes: int, average: str | None = "macro", **options: Any) -> None:
        super().__init__("multiclass", num_classes, average, **options)
