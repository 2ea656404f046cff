"""Where a training run stands and what it has measured."""

from __future__ import annotations

from dataclasses import dataclass, field

Logs = dict[str, float]


@dataclass
class TrainerState:
    """Where a training run stands.

    `epoch` and `batch_idx` count from 0, `global_step` the steps so far; `logs` are the latest measurements.
    A callback ends the run by setting `should_stop`.
    """

    epoch: int = 0
    global_step: int = 0
    batch_idx: int = 0
    should_stop: bool = False
    logs: Logs = field(default_factory=dict)


@dataclass
class History:
    """What a run has measured: one dict for each epoch, and one for each logged step."""

    epochs: list[Logs] = field(default_factory=list)
    steps: list[Logs] = field(default_factory=list)

    def __getitem__(self, name: str) -> list[float]:
        return [epoch[name] for epoch in self.epochs]
