"""Several metrics of the same predictions and targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from .metric import Metric


class MetricCollection:
    """Updates, computes and resets several metrics at once.

    Args:
        metrics: a dict by name, or a sequence, whose names are those of the classes.
        prefix: put before the names of results.
        postfix: put after them.

    Raises:
        ValueError: two metrics of the same name.

    Example:
        >>> from pyflame import metrics
        >>> both = metrics.MetricCollection([metrics.Precision("binary"), metrics.Recall("binary")], prefix="val_")
        >>> both.update([1, 1, 0], [1, 0, 0])
        >>> both.compute()
        {'val_Precision': tensor(0.5000), 'val_Recall': tensor(1.)}
    """

    def __init__(
        self,
        metrics: Mapping[str, Metric] | Sequence[Metric] | Metric,
        *others: Metric,
        prefix: str = "",
        postfix: str = "",
    ) -> None:
        if isinstance(metrics, Mapping):
            self._metrics = dict(metrics)
        else:
            listed = [*([metrics] if isinstance(metrics, Metric) else metrics), *others]
            self._metrics = {type(metric).__name__: metric for metric in listed}
            if len(self._metrics) < len(listed):
                raise ValueError("[MetricCollection] two metrics of the same class: give a dict of names")
        self.prefix, self.postfix = prefix, postfix

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch."""
        for metric in self._metrics.values():
            metric.update(*args, **kwargs)

    def compute(self) -> dict[str, Any]:
        """Return the value of each metric by name."""
        return self._named({name: metric.compute() for name, metric in self._metrics.items()})

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Take in a batch and return the values of it alone."""
        return self._named({name: metric(*args, **kwargs) for name, metric in self._metrics.items()})

    __call__ = forward

    def reset(self) -> None:
        """Forget all batches."""
        for metric in self._metrics.values():
            metric.reset()

    def clone(self, prefix: str | None = None, postfix: str | None = None) -> MetricCollection:
        """Return a copy with states of its own."""
        twin = deepcopy(self)
        twin.prefix = self.prefix if prefix is None else prefix
        twin.postfix = self.postfix if postfix is None else postfix
        return twin

    def merge_state(self, incoming: MetricCollection) -> None:
        """Take in what the metrics of another collection have gathered."""
        for name, metric in self._metrics.items():
            metric.merge_state(incoming[name])

    def state_dict(self) -> dict[str, Any]:
        """Return the states of all metrics by name."""
        return {name: metric.state_dict() for name, metric in self._metrics.items()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` returned."""
        for name, metric in self._metrics.items():
            metric.load_state_dict(state_dict[name])

    def _named(self, values: dict[str, Any]) -> dict[str, Any]:
        return {f"{self.prefix}{name}{self.postfix}": value for name, value in values.items()}

    def items(self) -> list[tuple[str, Metric]]:
        """Return names and metrics."""
        return list(self._metrics.items())

    def __getitem__(self, name: str) -> Metric:
        return self._metrics[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)
