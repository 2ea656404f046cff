"""Progress on the screen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TextIO

from .callback import Callback, Logs
from .displays import Display, display_for

if TYPE_CHECKING:
    from ..trainer import Trainer


class ProgressBar(Callback):
    """Shows a bar that moves with the batches, and one line for each epoch.

    In a terminal `rich` draws the bar if it is installed; in a notebook it appears below the cell; anywhere else, such
    as in a log file, there are only the lines. Of several processes that train together the first one shows it.

    Args:
        file: where to write, standard output if None.
        live: draw the moving bar; if None, when `file` is a terminal or a notebook's cell.

    Example:
        >>> import sys
        >>> from pyflame.training import ProgressBar
        >>> lines_only = ProgressBar(sys.stderr, live=False)
    """

    ORDER = 1

    def __init__(self, file: TextIO | None = None, live: bool | None = None) -> None:
        self._file, self._live = file, live
        self._display: Display | None = None
        self._total: int | None = None
        self._began = 0.0

    def on_train_begin(self, trainer: Trainer, **kw: Any) -> None:
        self._display = display_for(self._file, self._live) if trainer.is_main_process else None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        self._begin(kw["trainer"])

    def on_load_checkpoint(self, trainer: Trainer, checkpoint: Any, **kw: Any) -> None:
        self._begin(trainer)  # the epoch that goes on has begun before

    def _begin(self, trainer: Trainer) -> None:
        self._began, self._total = time.perf_counter(), trainer.num_training_batches
        if self._display is not None:
            self._display.begin(label(trainer), self._total)

    def on_batch_end(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        if self._display is not None:
            self._display.update(batch + 1, self._text(batch + 1, logs or {}))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        if self._display is not None:
            done = kw["trainer"].progress.batches
            self._display.end(f"{label(kw['trainer'])} {self._text(done, logs or {})}")

    def on_train_end(self, trainer: Trainer, **kw: Any) -> None:
        if self._display is not None:
            self._display.close()

    def on_exception(self, trainer: Trainer, exception: BaseException, **kw: Any) -> None:
        if self._display is not None:
            self._display.close()

    def _text(self, done: int, logs: Logs) -> str:
        count = f"{done}/{self._total}" if self._total else str(done)
        values = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        return f"{count}  {time.perf_counter() - self._began:.1f} s  {values}"


def label(trainer: Trainer) -> str:
    """Which epoch of how many."""
    epochs = 1 if trainer.config.fast_dev_run else trainer.config.max_epochs
    return f"epoch {trainer.state.epoch + 1:>{len(str(epochs))}}/{epochs}"
