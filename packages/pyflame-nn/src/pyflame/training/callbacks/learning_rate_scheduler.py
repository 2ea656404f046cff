"""Learning rates that follow a schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pyflame.optim import LRScheduler, Optimizer, ReduceLROnPlateau

from .callback import Callback, Logs

if TYPE_CHECKING:
    from ..trainer import Trainer


class LearningRateScheduler(Callback):
    """Steps a scheduler after each optimizer step or each epoch.

    The trainer's own `scheduler` moves once an epoch; this callback is for schedules in steps, such as a warm-up, and
    for a second schedule.

    Args:
        scheduler: a scheduler of the trainer's optimizer, or a function of that optimizer that makes one.
        interval: "epoch" or "step".

    Raises:
        ValueError: `interval` is neither, or a scheduler that watches a measurement should step with the optimizer.

    Example:
        >>> from pyflame import optim
        >>> from pyflame.training import LearningRateScheduler
        >>> warm_up = LearningRateScheduler(lambda optimizer: optim.LinearLR(optimizer, 0.1), interval="step")
    """

    def __init__(self, scheduler: Any, interval: str = "epoch") -> None:
        if interval not in ("epoch", "step"):
            raise ValueError(f"[LearningRateScheduler] interval is {interval!r}: expected 'epoch' or 'step'")
        self.interval = interval
        self._make: Callable[[Optimizer], Any] | None = None
        self.scheduler: Any = None
        if isinstance(scheduler, LRScheduler | ReduceLROnPlateau):
            self.scheduler = scheduler
        else:
            self._make = scheduler

    def on_train_begin(self, trainer: Trainer, **kw: Any) -> None:
        if self._make is not None:
            self.scheduler = self._make(trainer.needed("optimizer"))
        if isinstance(self.scheduler, ReduceLROnPlateau) and self.interval == "step":
            raise ValueError("[LearningRateScheduler] ReduceLROnPlateau needs an epoch's measurement: interval='epoch'")

    def on_step_end(self, trainer: Trainer, **kw: Any) -> None:
        if self.interval == "step":
            self.scheduler.step()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        if self.interval == "step" or kw["trainer"].progress.cut_short:
            return
        if isinstance(self.scheduler, ReduceLROnPlateau):
            values = logs or {}
            self.scheduler.step(values.get("val_loss", values.get("loss")))
        else:
            self.scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        return {"scheduler": self.scheduler.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.scheduler.load_state_dict(state["scheduler"])
