"""The confusion matrix, and what follows from all of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyflame import Tensor, tensor

from .labels import best, check_task, chosen, pairs
from .metric import Array, Metric, divide, to_tensor


class ConfusionMatrix(Metric):
    """Counts pairs of target (rows) and prediction (columns).

    Args:
        task: "binary", "multiclass" or "multilabel", which has one matrix for each label.
        num_classes: how many classes or labels there are; binary tasks need none.
        normalize: divide by the sum over "true" (rows), "pred" (columns) or "all".
        ignore_index: a target that does not count.
        threshold: the probability above which a label is chosen.
        num_labels: another name of `num_classes`.

    Raises:
        ValueError: an argument is out of range, or `num_classes` is missing.

    Example:
        >>> from pyflame import metrics
        >>> metrics.ConfusionMatrix("multiclass", num_classes=2)([0, 1, 1], [0, 0, 1])
        tensor([[1, 1],
                [0, 1]])
    """

    matrix: Array

    def __init__(
        self,
        task: str = "multiclass",
        num_classes: int | None = None,
        normalize: str | None = None,
        ignore_index: int | None = None,
        threshold: float = 0.5,
        num_labels: int | None = None,
    ) -> None:
        super().__init__()
        num_classes = num_labels if num_classes is None else num_classes
        check_task(type(self).__name__, task, None, num_classes)
        if normalize not in ("true", "pred", "all", "none", None):
            raise ValueError(f"[ConfusionMatrix] normalize is {normalize!r}: expected true, pred, all or none")
        self.task, self.normalize, self.ignore_index, self.threshold = task, normalize, ignore_index, threshold
        self.num_classes = num_classes or 1
        size = self.num_classes
        shape = {"binary": (2, 2), "multiclass": (size, size), "multilabel": (size, 2, 2)}[task]
        self.add_state("matrix", np.zeros(shape, np.int64))

    def update(self, preds: Any, target: Any) -> None:
        preds, target, known = pairs(preds, target, self.task, self.num_classes, self.ignore_index)
        if self.task == "multiclass":
            cells = target.astype(np.int64) * self.num_classes + best(preds, target, 1)
        else:
            labels = np.broadcast_to(np.arange(target.shape[1]), target.shape)
            cells = (4 * labels + 2 * (target == 1) + chosen(preds, self.threshold))[known]
        found = np.bincount(cells, minlength=self.matrix.size)
        self.matrix = self.matrix + found.reshape(self.matrix.shape)

    def compute(self) -> Tensor:
        if self.normalize in (None, "none"):
            return tensor(self.matrix)
        axes = {"true": (-1,), "pred": (-2,), "all": (-2, -1)}[str(self.normalize)]
        return to_tensor(divide(self.matrix, self.matrix.sum(axes, keepdims=True), "ConfusionMatrix"))


class MatthewsCorrCoef(ConfusionMatrix):
    """The correlation of predictions and targets (Gorodkin, 2004, for more than two classes).

    Example:
        >>> from pyflame import metrics
        >>> metrics.MatthewsCorrCoef("binary")([1, 1, 0, 0], [1, 0, 0, 0])
        tensor(0.5774)
    """

    def compute(self) -> Tensor:
        matrix: Array = self.matrix.astype(np.float64)
        if matrix.ndim == 3:
            matrix = matrix.sum(0)
        of_target, of_preds, size = matrix.sum(1), matrix.sum(0), matrix.sum()
        spread = (size**2 - of_target @ of_target) * (size**2 - of_preds @ of_preds)
        return to_tensor(divide(np.trace(matrix) * size - of_target @ of_preds, np.sqrt(spread), "MatthewsCorrCoef"))
