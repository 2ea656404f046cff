"""Means, sums and extremes of values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyflame import Tensor

from .metric import Array, Metric, divide, to_array, to_tensor


class MeanMetric(Metric):
    """The weighted mean of values.

    Example:
        >>> from pyflame import metrics
        >>> mean = metrics.MeanMetric()
        >>> mean.update([1.0, 3.0])
        >>> mean.update(8.0, weight=2.0)
        >>> mean.compute()
        tensor(5.)
    """

    total: Array
    weight: Array

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", np.zeros(()))
        self.add_state("weight", np.zeros(()))

    def update(self, value: Any, weight: Any = 1.0) -> None:
        """Take in values, and weights that can be broadcast to them."""
        value = to_array(value).astype(np.float64)
        weight = np.broadcast_to(to_array(weight).astype(np.float64), value.shape)
        self.total, self.weight = self.total + (value * weight).sum(), self.weight + weight.sum()

    def compute(self) -> Tensor:
        return to_tensor(divide(self.total, self.weight, "MeanMetric"))


class SumMetric(Metric):
    """The sum of values.

    Example:
        >>> from pyflame import metrics
        >>> metrics.SumMetric()([1.0, 3.0])
        tensor(4.)
    """

    value: Array

    def __init__(self) -> None:
        super().__init__()
        self.add_state("value", np.zeros(()))

    def update(self, value: Any) -> None:
        self.value = self.value + to_array(value).astype(np.float64).sum()

    def compute(self) -> Tensor:
        return to_tensor(self.value)


class MaxMetric(Metric):
    """The largest of values; minus infinity before the first.

    Example:
        >>> from pyflame import metrics
        >>> metrics.MaxMetric()([1.0, 3.0])
        tensor(3.)
    """

    value: Array

    def __init__(self) -> None:
        super().__init__()
        self.add_state("value", np.array(-np.inf), "max")

    def update(self, value: Any) -> None:
        self.value = np.maximum(self.value, to_array(value).max(initial=-np.inf))

    def compute(self) -> Tensor:
        return to_tensor(self.value)


class MinMetric(Metric):
    """The smallest of values; infinity before the first.

    Example:
        >>> from pyflame import metrics
        >>> metrics.MinMetric()([1.0, 3.0])
        tensor(1.)
    """

    value: Array

    def __init__(self) -> None:
        super().__init__()
        self.add_state("value", np.array(np.inf), "min")

    def update(self, value: Any) -> None:
        self.value = np.minimum(self.value, to_array(value).min(initial=np.inf))

    def compute(self) -> Tensor:
        return to_tensor(self.value)


class MetricAggregator:
    """Running means of named values, weighted by batch sizes.

    Example:
        >>> from pyflame import metrics
        >>> means = metrics.MetricAggregator()
        >>> means.update({"loss": 1.0, "accuracy": 0.5}, weight=1)
        >>> means.update({"loss": 0.0}, weight=3)
        >>> means.compute()
        {'loss': 0.25, 'accuracy': 0.5}
    """

    def __init__(self) -> None:
        self.means: dict[str, MeanMetric] = {}

    def update(self, values: Mapping[str, Any], weight: float = 1.0) -> None:
        """Take in a batch's values, of which some may be missing."""
        for name, value in values.items():
            self.means.setdefault(name, MeanMetric()).update(value, weight)

    def compute(self) -> dict[str, float]:
        """Return the mean of each value."""
        return {name: float(mean.compute()) for name, mean in self.means.items()}

    def reset(self) -> None:
        """Forget all values."""
        self.means.clear()
