"""Checkpoints of the best and of the latest state."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyflame.io.atomic import PART

from .callback import Callback, Logs, monitored

if TYPE_CHECKING:
    from ..trainer import Trainer

FIELD = re.compile(r"\{([^{}:]+)(:[^{}]*)?\}")


class ModelCheckpoint(Callback):
    """Saves checkpoints that training can go on from, and keeps the best of them.

    Files are written beside their name and then take it: whatever happens, `last.pf` is a whole checkpoint.

    Args:
        dirpath: the folder; nothing else should write there.
        filename: of a checkpoint, without suffix: `{epoch}`, `{step}` and measurements such as `{val_loss:.2f}` are
            filled in as `epoch=3`.
        monitor: the measurement that says which are the best; None keeps the latest.
        mode: "min" if smaller is better, else "max".
        save_top_k: how many to keep, -1 for all, 0 for none.
        save_last: whether the latest is written to `last.pf`, too.
        every_n_epochs: how often to save.
        every_n_train_steps: save after so many optimizer steps instead, where `monitor` sees the batch's measurements.

    Raises:
        ValueError: an argument is out of range, or several should be kept and nothing says which.
        KeyError: the measurement is not logged.

    Example:
        >>> from pyflame.training import ModelCheckpoint
        >>> best = ModelCheckpoint("build/run", "{epoch}-{val_loss:.3f}", monitor="val_loss", save_last=True)
    """

    ORDER = 2
    LAST = "last.pf"

    def __init__(
        self,
        dirpath: str | os.PathLike[str] = "checkpoints",
        filename: str = "{epoch}-{step}",
        monitor: str | None = None,
        mode: str = "min",
        save_top_k: int = 1,
        save_last: bool = False,
        every_n_epochs: int = 1,
        every_n_train_steps: int | None = None,
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"[ModelCheckpoint] mode is {mode!r}: expected 'min' or 'max'")
        if save_top_k < -1:
            raise ValueError(f"[ModelCheckpoint] save_top_k is {save_top_k}: expected a number of files, or -1 for all")
        if monitor is None and save_top_k > 1:
            raise ValueError(
                f"[ModelCheckpoint] save_top_k is {save_top_k}, but monitor is None: it says which to keep"
            )
        if every_n_epochs < 1 or (every_n_train_steps is not None and every_n_train_steps < 1):
            raise ValueError("[ModelCheckpoint] every_n_epochs and every_n_train_steps must be at least 1")
        self.dirpath, self.filename = Path(dirpath), filename
        self.monitor, self.mode = monitor, mode
        self.save_top_k, self.save_last = save_top_k, save_last
        self.every_n_epochs, self.every_n_train_steps = every_n_epochs, every_n_train_steps
        self.configured = False
        """Whether a trainer made it from its configuration."""
        self.kept: dict[str, float] = {}
        """File -> score of what is kept, oldest first."""
        self._dropped: list[str] = []
        self._writes = True

    @property
    def best_model_path(self) -> Path | None:
        """The file with the best score, of equal ones the first; None if there is none."""
        return self.dirpath / self._ranked()[0] if self.kept else None

    @property
    def best_model_score(self) -> float | None:
        """Its score."""
        return self.kept[self._ranked()[0]] if self.kept and self.monitor is not None else None

    @property
    def last_model_path(self) -> Path | None:
        """`last.pf`, if it is there."""
        path = self.dirpath / self.LAST
        return path if self.save_last and path.exists() else None

    def _ranked(self) -> list[str]:
        sign = 1 if self.mode == "min" else -1

        def cost(name: str) -> float:
            return math.inf if math.isnan(self.kept[name]) else sign * self.kept[name]  # NaN is never the best

        return sorted(self.kept, key=cost)

    def on_train_begin(self, trainer: Trainer, **kw: Any) -> None:
        self.kept, self._dropped, self._writes = {}, [], trainer.is_main_process
        if trainer.is_main_process:
            for leftover in self.dirpath.glob(f".*.pf.*{PART}"):  # of a run that was killed while it wrote
                leftover.unlink(missing_ok=True)

    def on_batch_end(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        every, progress = self.every_n_train_steps, kw["trainer"].progress
        if every is not None and progress.waiting == 0 and kw["global_step"] % every == 0:
            self._save(kw["trainer"], logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        if self.every_n_train_steps is None and (epoch + 1) % self.every_n_epochs == 0:
            self._save(kw["trainer"], logs or {})

    def _save(self, trainer: Trainer, logs: Logs) -> None:
        score = 0.0 if self.monitor is None else monitored("ModelCheckpoint", self.monitor, logs)
        name = self._name(trainer, logs)
        self._dropped = self._keep(name, score)
        # What is kept is part of the checkpoint's own state: a run that goes on from it knows of it.
        best = self.best_model_path
        trainer.state.best_metric = self.best_model_score
        trainer.state.best_model_path = None if best is None else str(best)
        if name in self.kept:
            trainer.save_checkpoint(self.dirpath / name)
        if self.save_last:
            trainer.save_checkpoint(self.dirpath / self.LAST)
        self._remove_dropped()

    def _remove_dropped(self) -> None:
        for name in self._dropped if self._writes else ():
            (self.dirpath / name).unlink(missing_ok=True)

    def _keep(self, name: str, score: float) -> list[str]:
        """Enter a file into `kept` and return those that go."""
        self.kept.pop(name, None)
        self.kept[name] = score
        if self.save_top_k == -1:
            return []
        ranked = list(reversed(self.kept)) if self.monitor is None else self._ranked()
        dropped = ranked[self.save_top_k :]
        for old in dropped:
            del self.kept[old]
        return [old for old in dropped if old != name]

    def _name(self, trainer: Trainer, logs: Logs) -> str:
        values = {**logs, "epoch": trainer.state.epoch, "step": trainer.state.global_step}

        def fill(found: re.Match[str]) -> str:
            name, form = found[1], found[2] or ""
            if name not in values:
                raise KeyError(f"[ModelCheckpoint] filename names {name!r}: there are {', '.join(values)}")
            return f"{name}={values[name]:{form[1:]}}".replace("/", "_")

        return FIELD.sub(fill, self.filename) + ".pf"

    def state_dict(self) -> dict[str, Any]:
        return {"kept": dict(self.kept), "dropped": list(self._dropped)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.kept = {name: score for name, score in state["kept"].items() if (self.dirpath / name).exists()}
        self._dropped = list(state["dropped"])
        self._remove_dropped()  # if the run was killed after the checkpoint and before it did so
