"""Metrics of one batch, as functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyflame import Tensor

from .confusion import ConfusionMatrix
from .metric import to_array
from .ranking import AUROC, AveragePrecision
from .regression import MeanAbsoluteError, MeanSquaredError, R2Score, RootMeanSquaredError
from .stat_scores import Accuracy, F1Score, Precision, Recall
from .text import BLEUScore, Perplexity


def classes_of(preds: Any, target: Any, task: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the number of classes, which one batch can show."""
    if task == "binary" or options.get("num_classes") or options.get("num_labels"):
        return options
    preds, target = to_array(preds), to_array(target)
    if task == "multilabel" or preds.ndim > target.ndim:
        return {**options, "num_classes": preds.shape[1]}
    return {**options, "num_classes": int(max(preds.max(initial=0), target.max(initial=0))) + 1}


def accuracy(preds: Any, target: Any, task: str = "multiclass", **options: Any) -> Tensor:
    """Return the share of right decisions; the options are those of `Accuracy`.

    The number of classes is read off the batch unless given.

    Example:
        >>> from pyflame import metrics
        >>> metrics.accuracy([0, 1, 1], [0, 0, 1])
        tensor(0.6667)
    """
    metric = Accuracy(task, **classes_of(preds, target, task, options))
    return metric(preds, target)


def precision(preds: Any, target: Any, task: str = "multiclass", **options: Any) -> Tensor:
    """Return the share of predictions that are right; the options are those of `Precision`.

    The number of classes is read off the batch unless given.

    Example:
        >>> from pyflame import metrics
        >>> metrics.precision([0, 1, 1], [0, 0, 1], "binary")
        tensor(0.5000)
    """
    metric = Precision(task, **classes_of(preds, target, task, options))
    return metric(preds, target)


def recall(preds: Any, target: Any, task: str = "multiclass", **options: Any) -> Tensor:
    """Return the share of targets that are found; the options are those of `Recall`.

    The number of classes is read off the batch unless given.

    Example:
        >>> from pyflame import metrics
        >>> metrics.recall([0, 1, 1], [0, 0, 1], "binary")
        tensor(1.)
    """
    metric = Recall(task, **classes_of(preds, target, task, options))
    return metric(preds, target)


def f1_score(preds: Any, target: Any, task: str = "multiclass", **options: Any) -> Tensor:
    """Return the harmonic mean of precision and recall; the options are those of `F1Score`.

    The number of classes is read off the batch unless given.

    Example:
        >>> from pyflame import metrics
        >>> metrics.f1_score([0, 1, 1], [0, 0, 1], "binary")
        tensor(0.6667)
    """
    metric = F1Score(task, **classes_of(preds, target, task, options))
    return metric(preds, target)


def confusion_matrix(preds: Any, target: Any, task: str = "multiclass", **options: Any) -> Tensor:
    """Return the counts of pairs of target and prediction; the options are those of `ConfusionMatrix`.

    The number of classes is read off the batch unless given.

    Example:
        >>> from pyflame import metrics
        >>> metrics.confusion_matrix([0, 1, 1], [0, 0, 1])
        tensor([[1, 1],
                [0, 1]])
    """
    metric = ConfusionMatrix(task, **classes_of(preds, target, task, options))
    return metric(preds, target)


def auroc(preds: Any, target: Any, task: str = "multiclass", **options: Any) -> Tensor:
    """Return the probability that a positive scores higher than a negative; the options are those of `AUROC`.

    The number of classes is read off the batch unless given.

    Example:
        >>> from pyflame import metrics
        >>> metrics.auroc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], "binary")
        tensor(0.7500)
    """
    metric = AUROC(task, **classes_of(preds, target, task, options))
    return metric(preds, target)


def average_precision(preds: Any, target: Any, task: str = "multiclass", **options: Any) -> Tensor:
    """Return the mean of precisions weighted by the recall they add; the options are those of `AveragePrecision`.

    The number of classes is read off the batch unless given.

    Example:
        >>> from pyflame import metrics
        >>> metrics.average_precision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], "binary")
        tensor(0.8333)
    """
    metric = AveragePrecision(task, **classes_of(preds, target, task, options))
    return metric(preds, target)


def mse(preds: Any, target: Any) -> Tensor:
    """Return the mean of squared errors.

    Example:
        >>> from pyflame import metrics
        >>> metrics.mse([1.0, 2.0], [1.0, 4.0])
        tensor(2.)
    """
    return MeanSquaredError()(preds, target)


def mae(preds: Any, target: Any) -> Tensor:
    """Return the mean of absolute errors.

    Example:
        >>> from pyflame import metrics
        >>> metrics.mae([1.0, 2.0], [1.0, 4.0])
        tensor(1.)
    """
    return MeanAbsoluteError()(preds, target)


def rmse(preds: Any, target: Any) -> Tensor:
    """Return the root of the mean of squared errors.

    Example:
        >>> from pyflame import metrics
        >>> metrics.rmse([1.0, 2.0], [1.0, 4.0])
        tensor(1.4142)
    """
    return RootMeanSquaredError()(preds, target)


def r2_score(preds: Any, target: Any) -> Tensor:
    """Return the share of the targets' variance that predictions explain.

    Example:
        >>> from pyflame import metrics
        >>> metrics.r2_score([1.0, 2.0], [1.0, 4.0])
        tensor(0.1111)
    """
    return R2Score()(preds, target)


def perplexity(preds: Any, target: Any, ignore_index: int | None = None) -> Tensor:
    """Return the exponential of the mean negative log-probability of the target tokens.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import metrics
        >>> metrics.perplexity(pf.zeros(1, 2, 5), pf.tensor([[0, 1]]))
        tensor(5.)
    """
    return Perplexity(ignore_index)(preds, target)


def bleu_score(
    preds: str | Sequence[str], target: Sequence[str | Sequence[str]], n_gram: int = 4, smooth: bool = False
) -> Tensor:
    """Return how many runs of words of translations occur in their references.

    Example:
        >>> from pyflame import metrics
        >>> metrics.bleu_score(["a b c d e"], [["a b c d e"]])
        tensor(1.)
    """
    return BLEUScore(n_gram, smooth)(preds, target)
