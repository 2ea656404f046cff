"""What lists of rows without targets share: options, one thread, results compared, the slowest beside PyTorch first."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable

import torch

import pyflame as pf

from .contest import EAGER, OURS, Contest, difference, interleave, ratio


def run(doc: str | None, rows: Iterable[tuple[str, Callable[[], Contest]]], budget: float) -> int:
    """Time the rows, given by name and how to make what runs, for `budget` seconds each; print ratios to PyTorch."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--budget", type=float, default=budget, help="seconds for each row")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    pf.set_num_threads(1)
    found = []
    for name, make in rows:
        if options.only not in name:
            continue
        contest = make()
        try:
            difference(contest)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        times = interleave(contest.runs, options.budget)
        seconds, fastest = ratio(times[OURS], times[EAGER]), min(times[OURS]) * 1e3
        found.append((seconds.median, f"{seconds.median:6.2f} {seconds.best:6.2f} {fastest:10.3f} ms  {name}"))
        print(found[-1][1], flush=True)
    print("\nPyTorch's time over ours (median, best), our best time; the slowest first\n")
    print("\n".join(line for _, line in sorted(found)))
    behind = sum(value < 1 for value, _ in found)
    print(f"\n{len(found)} rows, PyTorch faster in {behind}")
    return 0
