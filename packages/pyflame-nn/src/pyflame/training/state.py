"""Where a training run stands and what it has measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

Logs = dict[str, float]


@dataclass
class TrainerState:
    """Where a training run stands.

    `epoch` and `batch_idx` count from 0, `global_step` the steps so far; `logs` are the latest measurements;
    `best_metric` and `best_model_path` are those of the best checkpoint. A callback ends the run by setting
    `should_stop`.
    """

    epoch: int = 0
    global_step: int = 0
    batch_idx: int = 0
    best_metric: float | None = None
    best_model_path: str | None = None
    should_stop: bool = False
    logs: Logs = field(default_factory=dict)


@dataclass
class History:
    """What a run has measured: one dict for each epoch, and one for each logged step."""

    epochs: list[Logs] = field(default_factory=list)
    steps: list[Logs] = field(default_factory=list)

    def __getitem__(self, name: str) -> list[float]:
        return [epoch[name] for epoch in self.epochs]


@dataclass
class Progress:
    """How far the present epoch is: what a run needs, beside its tensors, to go on in the middle of one.

    Args:
        batches: how many are done.
        waiting: how many of them have gradients that are not part of a step yet.
        accumulation: how many make a step.
        sums: of the measurements, weighted by the sizes of the batches.
        items: sum of those sizes.
        validation: the measurements of the last evaluation in this epoch.
        finished: whether the epoch is done.
        cut_short: whether `max_steps` or a callback ended the run within the epoch, which goes on from a checkpoint.
    """

    batches: int = 0
    waiting: int = 0
    accumulation: int = 1
    sums: Logs = field(default_factory=dict)
    items: int = 0
    validation: Logs = field(default_factory=dict)
    finished: bool = False
    cut_short: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return what `Progress(**...)` takes."""
        return asdict(self)
