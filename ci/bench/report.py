"""The table as text and as docs/performance.md."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import processes
from .contest import EAGER, OURS, Ratio, Row, ratio

NOTES = Path(__file__).with_name("notes.md")


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

    def verdict(self) -> str:
        """Whether the targets are met, or by how much they are missed."""
        missed = []
        for target, name in ((self.row.target_eager, EAGER), (self.row.target_strongest, self.strongest)):
            if target is None:
                continue
            reached = self.against(name).median
            if reached < target:
                missed.append(f"{reached:.2f} of {target:g} against {name}")
        return "missed: " + ", ".join(missed) if missed else "met"


def show(value: Ratio) -> str:
    return f"{value.median:.2f} ({value.low:.2f}-{value.high:.2f}), best {value.best:.2f}"


def targets(row: Row) -> str:
    return " / ".join("-" if t is None else f"{t:g}" for t in (row.target_eager, row.target_strongest))


def write(
    path: Path,
    lines: list[Line],
    measured: list[tuple[processes.Process, Any]],
    machine: dict[str, Any],
    missing: Sequence[str] = (),
) -> None:
    """Write the page, whole or not at all; `missing` are rows without samples."""
    head = (
        f"Measured {machine['date']} on {machine['cpu']}, CPU tier {machine['tier']}. {machine['precision']}. "
        + ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
        + "."
    )
    table = [
        "| workload | PyFlame | PyTorch eager | strongest peer | ratio to eager | ratio to strongest | targets | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        best = line.strongest
        eager = f"{1e3 * line.median(EAGER):.4g} ms" if EAGER in line.seconds else "-"
        cells = (
            line.row.name,
            f"{1e3 * line.median(OURS):.4g} ms",
            eager,
            f"{best}, {1e3 * line.median(best):.4g} ms",
            show(line.against(EAGER)) if EAGER in line.seconds else "-",
            show(line.against(best)),
            targets(line.row),
            line.verdict(),
        )
        table.append(f"| {' | '.join(cells)} |")
    more = ["| process | figures | target |", "|---|---|---|"]
    more += [f"| {p.name} | {processes.text(p, v).split(': ', 1)[1]} | {p.target} |" for p, v in measured]
    remarks = [f"- {line.row.name}: {note}" for line in lines for note in line.notes]
    remarks += [f"- {name}: not measured yet" for name in missing]
    page = "\n".join(
        [
            "# Performance\n",
            "Written by `make bench-peers`; edit `ci/bench/notes.md` instead.\n",
            head + "\n",
            *table,
            "",
            *([*more, ""] if measured else []),
            *(["What did not run:\n", *remarks, ""] if remarks else []),
            NOTES.read_text(),
        ]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w") as file:
        file.write(page)
    os.chmod(name, 0o644)
    os.replace(name, path)
