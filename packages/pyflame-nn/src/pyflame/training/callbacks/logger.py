"""Objects that take measurements as they come."""

from __future__ import annotations

from typing import Any

from .callback import Callback, Logs


class LoggerCallback(Callback):
    """Passes the measurements of logged steps and of epochs to a function of (metrics, step).

    Args:
        logger: has `log_metrics(metrics, step)`.
    """

    ORDER = 1

    def __init__(self, logger: Any) -> None:
        self.logger = logger

    def on_batch_end(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        trainer = kw["trainer"]
        if trainer.logs_due and trainer.is_main_process:
            self.logger.log_metrics(dict(logs or {}), kw["global_step"])

    def on_epoch_end(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        trainer = kw["trainer"]
        if trainer.is_main_process:
            named = {f"epoch_{name}" if name == "loss" else name: value for name, value in (logs or {}).items()}
            self.logger.log_metrics({"epoch": float(trainer.state.epoch), **named}, trainer.state.global_step)


def as_callback(logger: Any) -> Callback:
    """A callback for what was given as a logger.

    Raises:
        TypeError: it is none.
    """
    if isinstance(logger, Callback):
        return logger
    if not callable(getattr(logger, "log_metrics", None)):
        raise TypeError(
            f"[Trainer] logger is a {type(logger).__name__}: expected a Callback such as CSVLogger, or an object with "
            "log_metrics(metrics, step)"
        )
    return LoggerCallback(logger)
