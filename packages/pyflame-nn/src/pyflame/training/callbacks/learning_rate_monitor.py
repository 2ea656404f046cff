"""Learning rates among the measurements."""

from __future__ import annotations

from typing import Any

from .callback import Callback, Logs


class LearningRateMonitor(Callback):
    """Logs the learning rate as `lr`, of several parameter groups as `lr/0`, `lr/1` and so on.

    Args:
        logging_interval: "epoch" adds them to the epoch's logs, "step" to those of each logged step, None to both.

    Raises:
        ValueError: `logging_interval` is something else.

    Example:
        >>> from pyflame.training import CSVLogger, LearningRateMonitor
        >>> callbacks = [LearningRateMonitor("epoch"), CSVLogger("run.csv")]
    """

    def __init__(self, logging_interval: str | None = None) -> None:
        if logging_interval not in ("epoch", "step", None):
            raise ValueError(
                f"[LearningRateMonitor] logging_interval is {logging_interval!r}: expected 'epoch', 'step' or None"
            )
        self.logging_interval = logging_interval
        self._used: Logs = {}

    def on_batch_begin(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        groups = kw["trainer"].optimizer.param_groups
        # The rates of the coming step: afterwards a scheduler may have moved them on.
        self._used = {f"lr/{place}" if len(groups) > 1 else "lr": float(g["lr"]) for place, g in enumerate(groups)}

    def on_batch_end(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        if self.logging_interval != "epoch" and kw["trainer"].logs_due and logs is not None:
            logs.update(self._used)
            kw["trainer"].history.steps[-1].update(self._used)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        if self.logging_interval != "step" and logs is not None:
            logs.update(self._used)
