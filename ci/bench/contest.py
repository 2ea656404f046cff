"""Timing libraries against each other on the same work: results compared first, then runs taken in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
OURS, EAGER = "pyflame", "torch eager"


@dataclass
class Contest:
    """The same work in several libraries.

    `runs` does it once, with evaluation forced. `results` gives the output as an array; a contender without an entry is
    compared with nothing, and says why in `notes`. `tolerance` bounds the difference from PyTorch's eager result,
    relative to the largest element of that.
    """

    runs: dict[str, Callable[[], object]]
    results: dict[str, Callable[[], Array]]
    tolerance: float
    notes: list[str] = field(default_factory=list)


@dataclass
class Row:
    """One line of the table: targets are ratios of the other's time to ours."""

    name: str
    build: Callable[[], Contest]
    target_eager: float | None = None
    target_strongest: float | None = None
    threads: int = 1
    precision: str = "highest"


def difference(contest: Contest) -> dict[str, float]:
    """The largest difference from the reference of every contender, relative to the reference's largest element.

    Raises:
        ValueError: a contender computes something else, so timing it would say nothing.
    """
    # Each once: a training step is not the same the second time.
    values = {name: np.asarray(result(), dtype=np.float64) for name, result in contest.results.items()}
    reference_name = EAGER if EAGER in values else next(iter(values))
    reference = values[reference_name]
    scale = max(float(np.abs(reference).max()), 1e-30)
    differences = {}
    for name, value in values.items():
        if value.shape != reference.shape:
            raise ValueError(f"{name} has shape {value.shape}, {reference_name} {reference.shape}")
        differences[name] = float(np.abs(value - reference).max()) / scale
        if not differences[name] <= contest.tolerance:
            raise ValueError(f"{name} differs from {reference_name} by {differences[name]:.2e} of its largest element")
    return differences


# Of the process, not of the wall: pinned to one core it counts every thread of every library, and leaves out what other
# programs on the machine took meanwhile.
clock = time.process_time


def interleave(runs: dict[str, Callable[[], object]], budget: float) -> dict[str, list[float]]:
    """Seconds of a run in every turn, all contenders taking turns, for about `budget` seconds in all."""
    names = list(runs)
    slowest = 0.0
    for name in names:
        runs[name]()
        start = clock()
        runs[name]()
        slowest = max(slowest, clock() - start)
    # A block of a fast contender is several runs in a row, as its user has them: its data is warm, the other's is not.
    # They are timed as one: asking for the time takes half a microsecond.
    block = max(1, min(20, int(0.005 / max(slowest, 1e-7))))
    samples: dict[str, list[float]] = {name: [] for name in names}
    end = time.perf_counter() + budget
    while time.perf_counter() < end or len(samples[names[0]]) < 5:
        for name in names:
            run = runs[name]
            run()
            start = clock()
            for _ in range(block):
                run()
            samples[name].append((clock() - start) / block)
    return samples


@dataclass
class Ratio:
    """The other's time over ours: of medians, of best times, and the middle half of the ratios of pairs in turn."""

    median: float
    best: float
    low: float
    high: float


def ratio(ours: list[float], other: list[float]) -> Ratio:
    pairs = sorted(b / a for a, b in zip(ours, other))
    quarter = len(pairs) // 4
    return Ratio(
        statistics.median(other) / statistics.median(ours),
        min(other) / min(ours),
        pairs[quarter],
        pairs[len(pairs) - 1 - quarter],
    )
