"""Progress on the screen."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from .callback import Callback, Logs

if TYPE_CHECKING:
    from ..trainer import Trainer

REDRAWS_PER_SECOND = 10
WIDTH = 24


class ProgressBar(Callback):
    """Shows a bar that moves with the batches in a terminal, and one line for each epoch anywhere else.

    Args:
        file: where to write, standard output if None.
        live: draw the moving bar; if None, when `file` is a terminal.
    """

    def __init__(self, file: TextIO | None = None, live: bool | None = None) -> None:
        self._file, self._live = file, live
        self._total: int | None = None
        self._began = self._drawn = 0.0

    @property
    def file(self) -> TextIO:
        """Where the bar goes."""
        return self._file or sys.stdout

    @property
    def live(self) -> bool:
        """Whether a moving bar is drawn."""
        return self.file.isatty() if self._live is None else self._live

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        self._began, self._drawn = time.perf_counter(), 0.0
        self._total = batches_of(kw["trainer"])

    def on_batch_end(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        now = time.perf_counter()
        if not self.live or now - self._drawn < 1 / REDRAWS_PER_SECOND:
            return
        self._drawn = now
        self._draw(self._line(kw["trainer"], batch + 1, logs or {}))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        if self.live:
            self._draw("")
            self.file.write("\r")
        done = kw["trainer"].state.batch_idx + 1
        self.file.write(self._line(kw["trainer"], done, logs or {}, bar=False) + "\n")
        self.file.flush()

    def on_exception(self, trainer: Trainer, exception: BaseException, **kw: Any) -> None:
        if self.live:  # so that the traceback begins on a line of its own
            self.file.write("\n")

    def _draw(self, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        self.file.write("\r" + line[:width].ljust(width))
        self.file.flush()

    def _line(self, trainer: Trainer, done: int, logs: Logs, bar: bool = True) -> str:
        seconds = time.perf_counter() - self._began
        total = self._total or done
        filled = WIDTH * done // max(total, done)
        drawn = f"[{'=' * filled}{' ' * (WIDTH - filled)}] " if bar else ""
        count = f"{done}/{self._total}" if self._total else str(done)
        values = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        epochs = 1 if trainer.config.fast_dev_run else trainer.config.max_epochs
        epoch = f"{trainer.state.epoch + 1:>{len(str(epochs))}}/{epochs}"
        return f"epoch {epoch} {drawn}{count}  {seconds:.1f} s  {values}"


def batches_of(trainer: Trainer) -> int | None:
    """How many batches an epoch has, if the loader knows."""
    limit = 1 if trainer.config.fast_dev_run else trainer.config.limit_train_batches
    try:
        total = len(trainer.train_loader)
    except (TypeError, NotImplementedError):
        return limit
    return total if limit is None else min(total, limit)
