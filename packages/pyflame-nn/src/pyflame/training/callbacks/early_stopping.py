"""Stop when a measurement no longer improves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyflame import Tensor

from .callback import Callback, Logs, monitored

if TYPE_CHECKING:
    from ..trainer import Trainer


class EarlyStopping(Callback):
    """Stops training when a measurement has not improved for some epochs.

    Args:
        monitor: the measurement's name in the epoch's logs.
        patience: how many epochs without improvement are accepted.
        min_delta: how large an improvement must be to count.
        mode: "min" if smaller is better, else "max".
        restore_best: load the weights of the best epoch at the end.

    Raises:
        ValueError: `mode` is neither, or `patience` or `min_delta` is negative.
        KeyError: the logs have no such measurement.

    Example:
        >>> from pyflame.training import EarlyStopping
        >>> stopping = EarlyStopping("val_accuracy", patience=5, mode="max", restore_best=True)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 3,
        min_delta: float = 0.0,
        mode: str = "min",
        restore_best: bool = False,
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"[EarlyStopping] mode is {mode!r}: expected 'min' or 'max'")
        if patience < 0 or min_delta < 0:
            raise ValueError(
                f"[EarlyStopping] patience is {patience}, min_delta is {min_delta}: expected numbers that are not "
                "negative"
            )
        self.monitor, self.patience, self.min_delta, self.mode = monitor, patience, min_delta, mode
        self.restore_best = restore_best
        self.best, self.wait = math.inf, 0
        self._weights: dict[str, Any] | None = None

    def on_train_begin(self, trainer: Trainer, **kw: Any) -> None:
        self.best, self.wait, self._weights = math.inf, 0, None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        if kw["trainer"].progress.cut_short:
            return
        value = monitored("EarlyStopping", self.monitor, logs) * (1 if self.mode == "min" else -1)
        if value < self.best - self.min_delta:
            self.best, self.wait = value, 0
            if self.restore_best:
                self._weights = {
                    key: value.clone() if isinstance(value, Tensor) else value
                    for key, value in kw["trainer"].model.state_dict().items()
                }
            return
        self.wait += 1
        if self.wait >= self.patience:
            kw["trainer"].state.should_stop = True

    def on_train_end(self, trainer: Trainer, **kw: Any) -> None:
        if self._weights is not None and trainer.model is not None:
            trainer.model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "wait": self.wait, "weights": self._weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.wait, self._weights = state["best"], state["wait"], state["weights"]
