"""Run the public CSL examples that serve for development, each by its own scripts, and print how far each one gets.

The clone named by CSL_EXAMPLES_DIR (or --examples) is copied first; nothing in it is changed. A program succeeds when
its script, unchanged, ends with exit code 0 and its host script has said SUCCESS, if it has that word. `--rows 0-13`
runs some rows of the table, `--seeds 1,2,3` repeats every program with other orders of its tasks. Exit code 1 if a
program does not succeed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ARCHES = ("wse2", "wse3")
# Row: folders, below tutorials/ unless said otherwise. The other examples are kept for acceptance.
PROGRAMS: dict[int, tuple[str, ...]] = {
    0: ("gemv-00-basic-syntax",),
    1: ("gemv-01-complete-program",),
    2: ("gemv-02-memory-dsds",),
    3: ("gemv-03-memcpy",),
    4: ("gemv-04-params",),
    5: ("topic-01-arrays-and-pointers",),
    6: ("gemv-05-multiple-pes",),
    7: ("topic-10-map-builtin",),
    8: ("topic-02-libraries",),
    9: ("benchmarks/single-tile-matvec",),
    10: ("gemv-06-routes-1",),
    11: ("gemv-07-routes-2",),
    12: ("topic-11-collectives",),
    13: ("benchmarks/gemm-collectives_2d",),
    14: ("topic-03-streaming-wavelet-data", "topic-04-sparse-tensors"),
    15: ("pipeline-01-basic", "topic-09-fifos", "pipeline-02-fifo"),
    16: ("gemv-09-streaming",),
    17: ("topic-15-wse3-microthreads",),
    18: ("topic-05-sentinels",),
    19: ("topic-06-switches",),
    20: ("topic-12-debug-library", "topic-13-simprint"),
    21: ("topic-08-filters",),
    22: ("benchmarks/bandwidth-test", "benchmarks/row-col-broadcast"),
    23: ("benchmarks/gemv-checkerboard-pattern",),
    24: ("benchmarks/fft-1d-2d",),
    25: ("benchmarks/conjugate-gradient", "benchmarks/preconditioned-conjugate-gradient"),
    26: ("sdklayout-01-introduction", "sdklayout-02-routing", "sdklayout-04-h2d-d2h", "sdklayout-05-gemv"),
    27: ("topic-14-color-swap",),
    28: ("benchmarks/histogram-torus",),
    29: ("benchmarks/25-pt-stencil",),
    30: ("benchmarks/spmv-hypersparse",),
    31: ("benchmarks/fft-3d",),
}


@dataclass(frozen=True)
class Outcome:
    """How far a program got."""

    row: int
    program: str
    arch: str
    seed: int
    parsed: bool
    compiled: bool
    ran: bool
    succeeded: bool
    seconds: float
    reason: str

    @property
    def good(self) -> bool:
        """Whether it got as far as it can: row 0 has nothing to run."""
        return self.succeeded or (self.parsed and self.arch == "-")


def folder_of(name: str) -> Path:
    return Path(name) if name.startswith("benchmarks/") else Path("tutorials", name)


def parses(folder: Path) -> bool:
    """Whether all CSL files of a program parse without an error."""
    from pyflame.csl import CSLError, parse

    try:
        for path in sorted(folder.rglob("*.csl")):
            parse(path.read_bytes(), str(path))
    except CSLError as error:
        print(error, file=sys.stderr)
        return False
    return True


def reason_of(output: str) -> str:
    """The line that tells best why a script failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"\berror\b: ", line)]
    return (errors or lines or ["no output"])[0 if errors else -1][:150]


def run(root: Path, row: int, name: str, arch: str, seed: int, timeout: float) -> Outcome:
    """Run one program by the script of one architecture."""
    from pyflame.csl.commands import environment

    folder = root / folder_of(name)
    for old in folder.rglob("out.wse"):
        old.unlink()
    options = {"sched_seed": seed} if seed else {}
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            ["bash", f"commands_{arch}.sh"],
            cwd=folder,
            env=environment(options),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        code, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        code, output = -1, f"it had not ended after {timeout:.0f} s"
    seconds = time.perf_counter() - begin
    compiled = any(folder.rglob("out.wse"))
    says = any("SUCCESS" in path.read_text() for path in folder.glob("run.py"))
    succeeded = code == 0 and ("SUCCESS" in output or not says)
    reason = "" if succeeded else reason_of(output)
    return Outcome(row, name, arch, seed, parses(folder), compiled, code == 0, succeeded, seconds, reason)


def outcomes(
    root: Path, rows: Sequence[int], arches: Sequence[str], seeds: Sequence[int], timeout: float
) -> Iterator[Outcome]:
    for row in rows:
        for name in PROGRAMS[row]:
            scripts = [arch for arch in arches if (root / folder_of(name) / f"commands_{arch}.sh").is_file()]
            if not scripts:
                parsed = parses(root / folder_of(name))
                yield Outcome(
                    row, name, "-", 0, parsed, False, False, False, 0.0, "" if parsed else "it does not parse"
                )
            for arch in scripts:
                for seed in seeds:
                    yield run(root, row, name, arch, seed, timeout)


def line_of(outcome: Outcome) -> str:
    marks = [outcome.parsed, outcome.compiled, outcome.ran, outcome.succeeded]
    cells = [
        str(outcome.row),
        outcome.program,
        outcome.arch,
        str(outcome.seed),
        *("yes" if mark else "no" for mark in marks),
    ]
    return f"| {' | '.join(cells)} | {outcome.seconds:.1f} | {outcome.reason} |"


def numbers(text: str) -> list[int]:
    """The numbers in a text such as `0-3,7`."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=Path, default=os.environ.get("CSL_EXAMPLES_DIR"), help="the clone")
    parser.add_argument("--rows", type=numbers, default=list(PROGRAMS), help="such as 0-13 or 1,5")
    parser.add_argument("--arch", choices=ARCHES, action="append", help="one architecture (both)")
    parser.add_argument("--seeds", type=numbers, default=[0], help="scheduler seeds, such as 0-3")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one script")
    options = parser.parse_args(arguments)
    if options.examples is None or not Path(options.examples).is_dir():
        parser.error("name a clone of the public CSL examples by CSL_EXAMPLES_DIR or --examples")
    print("| row | program | arch | seed | parse | compile | run | success | seconds | reason |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary, "examples")
        shutil.copytree(options.examples, root, ignore=shutil.ignore_patterns(".git"))
        for outcome in outcomes(root, options.rows, options.arch or ARCHES, options.seeds, options.timeout):
            found.append(outcome)
            print(line_of(outcome), flush=True)
    good = sum(outcome.good for outcome in found)
    print(f"\n{good} of {len(found)} succeed")
    return int(good < len(found))


if __name__ == "__main__":
    sys.exit(main())
