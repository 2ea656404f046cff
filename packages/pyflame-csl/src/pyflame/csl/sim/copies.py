"""What runs have copied to the host, and whether runs with other orders of tasks have copied the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnostics import Severity
from .diagnostics import RunDiagnostic


@dataclass(frozen=True)
class HostCopy:
    """One copy from a rectangle of PEs to the host.

    Attributes:
        name: the exported name, or `color N` of a stream.
        area: x, y, width and height of the rectangle.
        cycle: when.
        rows: the elements of each PE, in row-major order of the PEs.
    """

    name: str
    area: tuple[int, int, int, int]
    cycle: int
    rows: NDArray[Any]


def append(path: Path, copy: HostCopy) -> None:
    """Add a copy to a file of them, which is made if there is none."""
    with path.open("ab") as file:
        for part in (np.array(copy.name), np.array([*copy.area, copy.cycle]), copy.rows):
            np.save(file, part, allow_pickle=False)


def read(path: Path) -> list[HostCopy]:
    """The copies in a file, in the order in which they were made; none if there is no file."""
    found = []
    if path.exists():
        with path.open("rb") as file:
            while file.peek(1):
                name, place, rows = (np.load(file, allow_pickle=False) for _ in range(3))
                x, y, width, height, cycle = map(int, place)
                found.append(HostCopy(str(name), (x, y, width, height), cycle, rows))
    return found


def differing(runs: Mapping[int, Sequence[HostCopy]]) -> list[RunDiagnostic]:
    """What runs with several seeds, the keys, do not agree on: the first word of each name that differs."""
    found: dict[str, RunDiagnostic] = {}
    (first, expected), *others = runs.items()
    for seed, copies in others:
        shapes = [[(copy.name, copy.area, copy.rows.shape) for copy in run] for run in (expected, copies)]
        if shapes[0] != shapes[1]:
            counts = f"{len(copies)} and {len(expected)}"
            text = f"the host makes other copies with scheduler seed {seed} than with {first}: {counts}"
            found.setdefault("", RunDiagnostic("seed-dependent", Severity.ERROR, text, "", 0, 0, None, 0))
            continue
        for one, other in zip(expected, copies, strict=True):
            places = np.argwhere(one.rows.view(np.uint8) != other.rows.view(np.uint8))
            if one.name in found or not places.size:
                continue
            pe, index = int(places[0][0]), int(places[0][1]) // one.rows.itemsize
            x, y, width, _ = one.area
            text = (
                f"{one.name}[{index}] is {one.rows[pe, index]} with scheduler seed {first} and {other.rows[pe, index]} "
                f"with seed {seed}: the order of ready tasks decides it, unless it counts cycles"
            )
            where = (x + pe % width, y + pe // width)
            found[one.name] = RunDiagnostic("seed-dependent", Severity.ERROR, text, "", 0, 0, where, one.cycle)
    return list(found.values())
