"""Cycles of public programs, group C of the calibration: a check from end to end, on which nothing is fitted.

Each program runs by its own script in cycle mode, up to its first host script. Where that prints the cycles it has
measured on the wafer, they count; the others print none, and the cycles of the whole run, without the transfers of the
host, stand in for the time stamps that the published measurement has added to them.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Official:
    """A program with the cycles that the vendor's simulator of WSE-3 gives for it.

    `printed` finds the cycles in what its host script says; empty if it says none.
    """

    folder: str
    name: str
    measured: float
    printed: str = ""


_SENT = r"cycles_send = (\d+) cycles"
PROGRAMS = (
    Official("single-tile-matvec", "matrix-vector product 25 x 25", 780, r"Max cycles.*: +(\d+)"),
    Official("gemv-checkerboard-pattern", "gemv 32 x 16 on 4 x 4 PEs", 197),
    Official("gemm-collectives_2d", "GEMM on 4 x 4 PEs, tiles of 14^3", 51425),
    Official("fft-1d-2d", "FFT in one dimension, Nz = 4", 422),
    Official("conjugate-gradient", "conjugate gradient, 2 iterations", 11635, _SENT),
    Official("preconditioned-conjugate-gradient", "the same, preconditioned", 13826, _SENT),
)


def first_run(script: str) -> str:
    """A script up to its first host script."""
    lines = []
    for line in script.replace("\\\n", " ").splitlines():
        lines.append(line)
        if line.startswith("cs_python"):
            break
    return "\n".join(lines)


def cycles_of(program: Official, folder: Path) -> float | str:
    """The simulated cycles, or why there are none."""
    from pyflame.csl.commands import environment

    script = first_run((folder / "commands_wse3.sh").read_text())
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment({"mode": "cycle"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        return f"exit code {done.returncode}: {(done.stdout.strip().splitlines() or ['no output'])[-1][:100]}"
    if not program.printed:
        return float(json.loads((folder / "sim_stats.json").read_text())["cycles"])
    found = re.search(program.printed, done.stdout)
    return float(found[1]) if found else "the host script has printed no cycles"


def results(examples: Path) -> Iterator[tuple[Official, float | str]]:
    """Each program with its simulated cycles; `examples` is a clone of the public examples, which is not changed."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary, "benchmarks")
        shutil.copytree(examples / "benchmarks", root)
        for program in PROGRAMS:
            yield program, cycles_of(program, root / program.folder)
