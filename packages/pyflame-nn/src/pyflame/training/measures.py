"""Means over the batches of an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pyflame import Tensor

from .state import Logs

Metric = Callable[[Any, Any], Any]
Metrics = Mapping[str, Metric] | Iterable[Metric]


def named(metrics: Metrics | None) -> dict[str, Metric]:
    """Give metrics without a name that of their function or class."""
    if isinstance(metrics, Mapping):
        return dict(metrics)
    return {getattr(metric, "__name__", type(metric).__name__): metric for metric in metrics or ()}


def number(value: Any) -> float:
    return float(value.item() if isinstance(value, Tensor) else value)


class Means:
    """Means weighted by the sizes of the batches."""

    def __init__(self) -> None:
        self._sums: Logs = {}
        self._count = 0

    def add(self, values: Mapping[str, float], size: int) -> None:
        """Take in a batch's means."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value * size
        self._count += size

    def compute(self, prefix: str = "") -> Logs:
        """Return the means so far."""
        return {prefix + name: total / self._count for name, total in self._sums.items()}
