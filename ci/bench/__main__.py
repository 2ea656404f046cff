"""Every row of the performance table, with one command: `make bench-peers`, or `python -m bench` with ci/ on the path.

    python -m bench                    all rows; docs/performance.md and build/bench/samples.jsonl are written
    python -m bench --only gemm        the rows whose name contains the text, printed only
    python -m bench --rewrite          the page from the last stored samples of every row
    python -m bench --budget 2         seconds of timing per row instead of the usual

One thread: all contenders share one process pinned to one core and take turns. Two threads: each contender has a
process of its own, because a library's idle threads may spin, and the processes take turns. Results are compared
before timing.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="rows whose name contains this; nothing is written but samples")
    parser.add_argument("--budget", type=float, default=6.0, help="seconds of timing per row")
    parser.add_argument("--samples", type=Path, default=ROOT / "build" / "bench" / "samples.jsonl")
    parser.add_argument("--report", type=Path, default=ROOT / "docs" / "performance.md")
    parser.add_argument(
        "--rewrite", action="store_true", help="write the report from stored samples, measuring nothing"
    )
    parser.add_argument("--worker", nargs=2, metavar=("ROW", "CONTENDER"), help=argparse.SUPPRESS)
    parser.add_argument("--memory", nargs=2, metavar=("CASE", "LIBRARY"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.worker and "PYFLAME_NUM_THREADS" not in os.environ:
        # Libraries read these when they are loaded, so the process begins again with them.
        names = ("PYFLAME_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, "1"), "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
        os.execve(sys.executable, [sys.executable, "-m", "bench", *sys.argv[1:]], environment)
    from . import run

    if arguments.memory:
        from .processes import measure_steps

        return measure_steps(*arguments.memory)
    if arguments.worker:
        return run.work(*arguments.worker)
    if arguments.rewrite:
        return run.rewrite(arguments.samples, arguments.report)
    return run.table(arguments.only, arguments.budget, arguments.samples, None if arguments.only else arguments.report)


if __name__ == "__main__":
    sys.exit(main())
