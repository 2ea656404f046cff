"""Means over the batches of an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pyflame import Tensor
from pyflame.distributed import all_gather_object, get_world_size, sum_over_ranks
from pyflame.metrics import Metric, MetricCollection

from .state import Logs

Measure = Callable[[Any, Any], Any] | Metric
Metrics = Mapping[str, Measure] | Iterable[Measure] | MetricCollection


def named(metrics: Metrics | None) -> dict[str, Measure]:
    """Give metrics without a name that of their function or class."""
    if isinstance(metrics, MetricCollection):
        return dict(metrics.items())
    if isinstance(metrics, Mapping):
        return dict(metrics)
    return {getattr(metric, "__name__", type(metric).__name__): metric for metric in metrics or ()}


def number(value: Any) -> float:
    """A measurement as a float.

    Raises:
        ValueError: it has several elements.
    """
    if isinstance(value, Tensor):
        if value.numel() != 1:
            raise ValueError(f"[trainer] a measurement has shape {tuple(value.shape)}: expected one number")
        value = value.item()
    return float(value)


def merged(metric: Metric) -> Metric:
    """A metric that has seen what those of all processes have."""
    if get_world_size() == 1:
        return metric
    states: list[Any] = [None] * get_world_size()
    all_gather_object(states, metric.state_dict())
    total = metric.clone()
    total.reset()
    for state in states:
        total.merge_state(state)
    return total


class Means:
    """Means weighted by the sizes of the batches, over all processes that train together."""

    def __init__(self, sums: Logs | None = None, count: int = 0) -> None:
        self.sums: Logs = {} if sums is None else sums
        self.count = count

    def add(self, values: Mapping[str, float], size: int) -> None:
        """Take in a batch's means."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * size
        self.count += size

    def compute(self) -> Logs:
        """Return the means so far."""
        # All processes decide by the same numbers: whether to stop early, or to lower the learning rate.
        *totals, count = sum_over_ranks([*self.sums.values(), float(self.count)])
        return {name: total / count for name, total in zip(self.sums, totals)}
