"""Metrics of predicted numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyflame import Tensor

from .metric import Array, Metric, divide, to_array, to_tensor
from .ranking import ranks


def columns(preds: Any, target: Any) -> tuple[Array, Array]:
    """Return both in double precision, of shape (rows, outputs)."""
    preds, target = (np.asarray(to_array(values), np.float64) for values in (preds, target))
    if preds.shape != target.shape:
        raise ValueError(f"[metrics] preds has shape {preds.shape}, target {target.shape}: expected the same")
    return tuple(values.reshape(len(values) if values.ndim else 1, -1) for values in (preds, target))


class MeanOfErrors(Metric):
    """The mean of a function of prediction and target over all elements."""

    total: Array
    count: Array

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", np.zeros(()))
        self.add_state("count", np.zeros((), np.int64))

    def update(self, preds: Any, target: Any) -> None:
        preds, target = columns(preds, target)
        self.total, self.count = self.total + self.errors(preds, target).sum(), self.count + target.size

    def errors(self, preds: Array, target: Array) -> Array:
        """Return the error of each element."""
        raise NotImplementedError(f"[metrics] {type(self).__name__} has no errors(preds, target)")

    def compute(self) -> Tensor:
        return to_tensor(divide(self.total, self.count, type(self).__name__))


class MeanSquaredError(MeanOfErrors):
    """The mean of squared errors.

    Args:
        squared: whether to leave out the root.

    Example:
        >>> from pyflame import metrics
        >>> metrics.MeanSquaredError()([1.0, 2.0], [1.0, 4.0])
        tensor(2.)
    """

    def __init__(self, squared: bool = True) -> None:
        super().__init__()
        self.squared = squared

    def errors(self, preds: Array, target: Array) -> Array:
        return np.asarray((preds - target) ** 2)

    def compute(self) -> Tensor:
        value = super().compute()
        return value if self.squared else value.sqrt()


class RootMeanSquaredError(MeanSquaredError):
    """The root of the mean of squared errors.

    Example:
        >>> from pyflame import metrics
        >>> metrics.RootMeanSquaredError()([1.0, 2.0], [1.0, 4.0])
        tensor(1.4142)
    """

    def __init__(self) -> None:
        super().__init__(squared=False)


class MeanAbsoluteError(MeanOfErrors):
    """The mean of absolute errors.

    Example:
        >>> from pyflame import metrics
        >>> metrics.MeanAbsoluteError()([1.0, 2.0], [1.0, 4.0])
        tensor(1.)
    """

    def errors(self, preds: Array, target: Array) -> Array:
        return np.asarray(abs(preds - target))


class MeanAbsolutePercentageError(MeanOfErrors):
    """The mean of absolute errors as shares of the targets.

    Example:
        >>> from pyflame import metrics
        >>> metrics.MeanAbsolutePercentageError()([1.0, 2.0], [1.0, 4.0])
        tensor(0.2500)
    """

    def errors(self, preds: Array, target: Array) -> Array:
        return np.asarray(abs(preds - target) / np.maximum(abs(target), np.finfo(np.float64).eps))


def moments(x: Array, y: Array) -> Array:
    """Return count, means, sums of squared deviations and of their products, for each column."""
    if not len(x):
        return np.zeros((6, 1))
    a, b = x - x.mean(0), y - y.mean(0)
    return np.stack([np.full(x.shape[1], len(x)), x.mean(0), y.mean(0), (a * a).sum(0), (b * b).sum(0), (a * b).sum(0)])


def joined(first: Array, second: Array) -> Array:
    """Return the moments of two parts together (Chan et al., 1983)."""
    if not first[0].any() or not second[0].any():
        return second if second[0].any() else first
    total = first[0] + second[0]
    share, both = second[0] / total, first[0] * second[0] / total
    x, y = second[1] - first[1], second[2] - first[2]
    spread = [first[row] + second[row] + both * product for row, product in ((3, x * x), (4, y * y), (5, x * y))]
    return np.stack([total, first[1] + share * x, first[2] + share * y, *spread])


class MomentMetric(Metric):
    """Keeps the moments of errors and targets, which can be joined without loss of digits."""

    moments: Array

    def __init__(self) -> None:
        super().__init__()
        self.add_state("moments", np.zeros((6, 1)), joined)

    def update(self, preds: Any, target: Any) -> None:
        preds, target = columns(preds, target)
        self.moments = joined(self.moments, moments(preds - target, target))

    def _score(self, unexplained: Array) -> Tensor:
        """Return 1 less a share of the targets' spread; constant targets score 1 if they are met, else 0."""
        spread = self.moments[4]
        constant = spread == 0
        share = unexplained / np.where(constant, 1.0, spread)
        return to_tensor(np.where(constant, unexplained == 0, 1 - share).mean())


class R2Score(MomentMetric):
    """The share of the targets' variance that predictions explain; the mean over the outputs of shape (N, outputs).

    Example:
        >>> from pyflame import metrics
        >>> metrics.R2Score()([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0])
        tensor(0.9486)
    """

    def compute(self) -> Tensor:
        return self._score(self.moments[3] + self.moments[0] * self.moments[1] ** 2)


class ExplainedVariance(MomentMetric):
    """Like `R2Score`, but an offset of all predictions counts for nothing.

    Example:
        >>> from pyflame import metrics
        >>> metrics.ExplainedVariance()([2.0, 3.0, 4.0], [1.0, 2.0, 3.0])
        tensor(1.)
    """

    def compute(self) -> Tensor:
        return self._score(self.moments[3])


class PearsonCorrelation(MomentMetric):
    """The linear correlation of predictions and targets.

    Example:
        >>> from pyflame import metrics
        >>> metrics.PearsonCorrelation()([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
        tensor(0.9820)
    """

    def update(self, preds: Any, target: Any) -> None:
        self.moments = joined(self.moments, moments(*columns(preds, target)))

    def compute(self) -> Tensor:
        _, _, _, of_preds, of_target, product = self.moments
        values = divide(product, np.sqrt(of_preds * of_target), type(self).__name__)
        return to_tensor(values[0] if len(values) == 1 else values)


class SpearmanCorrelation(Metric):
    """The correlation of the ranks of predictions and targets; equal values share a rank.

    Example:
        >>> from pyflame import metrics
        >>> metrics.SpearmanCorrelation()([1.0, 2.0, 40.0], [1.0, 2.0, 3.0])
        tensor(1.)
    """

    preds: list[Array]
    targets: list[Array]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("preds", [], "cat")
        self.add_state("targets", [], "cat")

    def update(self, preds: Any, target: Any) -> None:
        preds, target = columns(preds, target)
        self.preds, self.targets = [*self.preds, preds], [*self.targets, target]

    def compute(self) -> Tensor:
        pearson = PearsonCorrelation()
        if self.preds:
            both = (np.concatenate(part) for part in (self.preds, self.targets))
            pearson.update(*(np.stack([ranks(column) for column in part.T], 1) for part in both))
        return pearson.compute()


MSE, RMSE, MAE = MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError
R2, MAPE = R2Score, MeanAbsolutePercentageError
