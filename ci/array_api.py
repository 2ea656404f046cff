"""Run the tests of the Python array API standard on `pyflame.array_api` and print a table by module.

    python ci/array_api.py <clone of data-apis/array-api-tests> [arguments for pytest]

The suite is not part of this repository. From 3ab78bd on it needs complex dtypes; its parent, 914124a, runs without
them: `git clone --recurse-submodules https://github.com/data-apis/array-api-tests`, then check out 914124a.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LISTS = Path(__file__).resolve().parent.parent / "packages" / "pyflame-core" / "tests" / "array_api"
MISSING_DTYPES = "complex64,complex128,uint16,uint32,uint64"
LEAST = 0.9  # the share of the tests that apply which has to pass


def run(suite: Path, arguments: Sequence[str]) -> dict[str, Any]:
    """The report of one run of the suite."""
    environment = os.environ | {
        "ARRAY_API_TESTS_MODULE": "pyflame.array_api",
        "ARRAY_API_TESTS_SKIP_DTYPES": MISSING_DTYPES,
    }
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        lists = [f"--skips-file={LISTS / 'skips.txt'}", f"--xfails-file={LISTS / 'xfails.txt'}"]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "--disable-deadline"]
        command += [*lists, "--json-report", f"--json-report-file={report}", *arguments, "array_api_tests"]
        subprocess.run(command, cwd=suite, env=environment, check=False)
        if not report.exists():
            raise SystemExit(f"array_api: {suite} did not run: is it a clone of data-apis/array-api-tests at 914124a?")
        return json.loads(report.read_text())


def table(tests: Sequence[dict[str, Any]]) -> tuple[list[str], float, int]:
    """Lines to print, the share that passed, and how many failed without being listed."""
    modules: dict[str, Counter[str]] = defaultdict(Counter)
    for test in tests:
        name = Path(test["nodeid"].partition("::")[0]).stem
        modules[name][test["outcome"]] += 1
    total: Counter[str] = sum(modules.values(), Counter())
    columns = ("passed", "xpassed", "failed", "xfailed", "skipped")
    lines = [f"{'module':46}" + "".join(f"{column:>9}" for column in columns)]
    for name, counts in [*sorted(modules.items()), ("all", total)]:
        lines.append(f"{name:46}" + "".join(f"{counts[column]:9}" for column in columns))
    good = total["passed"] + total["xpassed"]
    bad = total["failed"] + total["error"]
    return lines, good / max(good + bad + total["xfailed"], 1), bad


def main(arguments: Sequence[str]) -> int:
    if not arguments or not (Path(arguments[0]) / "array_api_tests").is_dir():
        raise SystemExit(
            "array_api: name a clone of data-apis/array-api-tests: make array-api SUITE=../array-api-tests"
        )
    lines, share, bad = table(run(Path(arguments[0]).resolve(), arguments[1:])["tests"])
    print("\n".join(lines))
    print(f"{share:.1%} of the tests that apply passed, {bad} failed without being listed in xfails.txt")
    return int(share < LEAST or bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
