"""The table as text and as docs/performance.md."""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .contest import EAGER, OURS, Ratio, Row, ratio


@dataclass
class Line:
    """What a row came to."""

    row: Row
    seconds: dict[str, list[float]]
    notes: list[str] = field(default_factory=list)

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    @property
    def strongest(self) -> str:
        return min((name for name in self.seconds if name != OURS), key=self.median)

    def against(self, name: str) -> Ratio:
        return ratio(self.seconds[OURS], self.seconds[name])

    def text(self) -> str:
        times = ", ".join(f"{name} {1e3 * self.median(name):.4g} ms" for name in self.seconds)
        ratios = ", ".join(f"{name} {show(self.against(name))}" for name in self.seconds if name != OURS)
        return f"{self.row.name}: {times}\n    {ratios}"


def show(value: Ratio) -> str:
    return f"{value.median:.2f} ({value.low:.2f}-{value.high:.2f})"
