"""Milliseconds of parsing and of checking a file, over a folder of CSL programs; CPU time, best of several runs."""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from pyflame.csl import check
from pyflame.csl.comptime.session import parsed
from pyflame.csl.syntax.parser import parse_source
from pyflame.csl.syntax.source import Source

GOAL = 20.0


def milliseconds(action: Callable[[Path], object], path: Path, repeats: int) -> float:
    """The least CPU time of a call; the file and the libraries that it imports are parsed anew each time."""
    took = []
    for _ in range(repeats):
        parsed.cache_clear()
        begin = time.process_time()
        action(path)
        took.append(1e3 * (time.process_time() - begin))
    return min(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=os.environ.get("CSL_EXAMPLES_DIR"))
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.folder is None:
        parser.error("name a folder, or a clone of the public CSL examples by CSL_EXAMPLES_DIR")
    files = sorted(options.folder.rglob("*.csl"))
    measures: dict[str, Callable[[Path], object]] = {
        "parse": lambda path: parse_source(Source(path.read_bytes(), str(path))),
        "check": check,
    }
    print(f"{len(files)} files")
    for name, action in measures.items():
        took = [milliseconds(action, path, options.repeats) for path in files]
        fast = sum(each < GOAL for each in took) / len(took)
        print(f"{name}: median {statistics.median(took):.1f} ms, mean {statistics.mean(took):.1f}, ", end="")
        print(f"largest {max(took):.0f}; {fast:.0%} of the files in under {GOAL:.0f} ms")


if __name__ == "__main__":
    main()
