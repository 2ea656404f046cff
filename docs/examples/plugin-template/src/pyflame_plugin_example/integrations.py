"""The integration: an object that PyFlame hands out by name."""

from __future__ import annotations

import csv
from pathlib import Path


class CsvLog:
    """A CSV file with one row of numbers per step.

    Args:
        path: file to write; what it held is replaced by the first row.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._columns: tuple[str, ...] = ()

    def log(self, step: int, **values: float) -> None:
        """Append a row. It is on the disk when this returns.

        Args:
            step: number of the step.
            values: the same names for every row.

        Raises:
            ValueError: the names differ from those of the first row.
        """
        first = not self._columns
        columns = ("step", *values)
        if not first and columns != self._columns:
            raise ValueError(f"[CsvLog] the row has columns {columns}, {self.path} has {self._columns}: use one set")
        with self.path.open("w" if first else "a", newline="") as file:
            writer = csv.writer(file)
            if first:
                writer.writerow(columns)
            writer.writerow((step, *values.values()))
        self._columns = columns
