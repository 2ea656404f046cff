"""A folder of checkpoints of one run: the latest few, and the best."""

from __future__ import annotations

import math
import os
from pathlib import Path

from ..errors import SerializationError
from .atomic import PART
from .checkpoint import Checkpoint
from .files import inspect_file

_PREFIX, _SUFFIX = "checkpoint-", ".pf"


class CheckpointManager:
    """Keeps the checkpoints of a run in a folder that nothing else writes to.

    The files say all there is to know, so a run that was killed at any moment finds its checkpoints again: what was
    being written is removed by the next `save`.

    Args:
        directory: made if it does not exist.
        max_to_keep: how many of the latest checkpoints stay.
        keep_best: whether the one with the best metric stays beside them.
        mode: "min" or "max": which metric is best.

    Raises:
        ValueError: `max_to_keep` or `mode` is out of range.

    Example:
        >>> import tempfile
        >>> import pyflame as pf
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     manager = pf.CheckpointManager(folder, max_to_keep=1)
        ...     for step, loss in enumerate([0.3, 0.1, 0.2]):
        ...         ck = pf.Checkpoint({"w": pf.ones(2)}, global_step=step)
        ...         _ = manager.save(ck, metric=loss)
        ...     [path.name for path in (manager.latest, manager.best)]
        ['checkpoint-0000000002.pf', 'checkpoint-0000000001.pf']
    """

    def __init__(
        self, directory: str | os.PathLike[str], max_to_keep: int = 5, keep_best: bool = True, mode: str = "min"
    ) -> None:
        if max_to_keep < 1:
            raise ValueError(f"[checkpoint] max_to_keep is {max_to_keep}: expected at least 1")
        if mode not in ("min", "max"):
            raise ValueError(f"[checkpoint] mode is {mode!r}: expected 'min' or 'max'")
        self.directory = Path(directory)
        self.max_to_keep = max_to_keep
        self.keep_best = keep_best
        self.mode = mode
        self.directory.mkdir(parents=True, exist_ok=True)

    def save(self, checkpoint: Checkpoint, metric: float | None = None) -> Path:
        """Write a checkpoint, then remove those that are no longer kept.

        Args:
            checkpoint: its `global_step` gives the file its name.
            metric: value by which it is compared; None takes its `best_metric`.

        Returns:
            The file.
        """
        if metric is not None:
            checkpoint.best_metric = float(metric)
        for leftover in self.directory.glob(f".{_PREFIX}*{PART}"):
            leftover.unlink()
        path = self.directory / f"{_PREFIX}{checkpoint.global_step:010d}{_SUFFIX}"
        checkpoint.save(path)
        kept = {path, *self.paths()[-self.max_to_keep :]}
        if self.keep_best and self.best is not None:
            kept.add(self.best)
        for other in self.paths():
            if other not in kept:
                other.unlink()
        return path

    def paths(self) -> list[Path]:
        """The files, oldest step first."""
        return sorted(self.directory.glob(f"{_PREFIX}*{_SUFFIX}"))

    @property
    def latest(self) -> Path | None:
        """The file of the last step; None if there is none."""
        paths = self.paths()
        return paths[-1] if paths else None

    @property
    def best(self) -> Path | None:
        """The file with the best metric, of equal ones the first; None if none has a metric."""
        measured = [(metric, path) for path in self.paths() if (metric := metric_of(path)) is not None]
        sign = 1 if self.mode == "min" else -1
        return min(measured, key=lambda pair: sign * pair[0])[1] if measured else None


def metric_of(path: Path) -> float | None:
    """The metric of a checkpoint; NaN is none."""
    try:
        value = inspect_file(path).metadata.get("best_metric")
    except SerializationError:  # damaged after it was written: neither the best nor a reason to stop
        return None
    return value if isinstance(value, int | float) and not math.isnan(value) else None
