"""Measurements in a table on disk."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyflame.io.atomic import atomic_file

from .callback import Callback, Logs

if TYPE_CHECKING:
    from ..trainer import Trainer


class CSVLogger(Callback):
    """Writes one row for each epoch to a CSV file: epoch, step, and the measurements.

    A run that goes on from a checkpoint goes on with the rows that were there when it was saved. The file is replaced
    as a whole after each epoch, so a reader never sees half a row, and a new measurement adds a column.

    Args:
        path: of the file; its folder is made.

    Example:
        >>> from pyflame.training import CSVLogger
        >>> logger = CSVLogger("build/run.csv")
    """

    ORDER = 1

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.rows: list[dict[str, float]] = []

    def on_train_begin(self, trainer: Trainer, **kw: Any) -> None:
        self.rows = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        self.rows = [row for row in self.rows if row["epoch"] != epoch]  # of an epoch that was cut short and went on
        self.rows.append({"epoch": epoch, "step": kw["global_step"], **(logs or {})})
        if not kw["trainer"].is_main_process:
            return
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.path) as file:
            file.write(text.getvalue().encode())

    def state_dict(self) -> dict[str, Any]:
        return {"rows": [dict(row) for row in self.rows]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.rows = [dict(row) for row in state["rows"]]
