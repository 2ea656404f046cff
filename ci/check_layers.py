"""Check the include order of the C++ core.

base <- cpu; base <- graph; {cpu, graph} <- ops <- {autograd, passes} <- runtime <- bindings: an include points to its
own folder or to one on the left of it. Kernels (base, cpu) see no Python header.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

BELOW = {
    "base": set[str](),
    "cpu": {"base"},
    "graph": {"base"},
    "ops": {"base", "cpu", "graph"},
    "autograd": {"base", "cpu", "graph", "ops"},
    "passes": {"base", "cpu", "graph", "ops"},
    "runtime": {"base", "cpu", "graph", "ops", "autograd", "passes"},
    "bindings": {"base", "cpu", "graph", "ops", "autograd", "passes", "runtime"},
}
WITHOUT_PYTHON = {"base", "cpu"}
SUFFIXES = {".h", ".hpp", ".inc", ".def", ".c", ".cpp", ".cc"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def included_folder(source: Path, path: Path, target: str) -> str | None:
    """Return the folder of `source` that `path` reaches by including `target`; None if it leads elsewhere."""
    for start in (path.parent, source, source.parent):
        found = (start / target).resolve()
        if found.is_file() and found.is_relative_to(source):
            return found.relative_to(source).parts[0]
    return None


def check_file(source: Path, path: Path) -> Iterator[str]:
    """Yield the broken rules of one file of the core."""
    folder = path.relative_to(source).parts[0]
    text = path.read_text()
    for match in INCLUDE.finditer(text):
        where = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        target = match[2]
        if folder in WITHOUT_PYTHON and (target == "Python.h" or target.startswith(("pybind11/", "numpy/"))):
            yield f"{where}: {folder}/ may not see Python: {target}"
        reached = included_folder(source, path, target)
        if reached is None and match[1] == '"' and target.split("/")[0] in BELOW:
            yield f"{where}: no such file: {target}"
        elif reached not in {None, folder} and reached not in BELOW[folder]:
            yield f"{where}: {folder}/ may not include {reached}/: {target}"


def check(root: Path = ROOT) -> list[str]:
    """Return the broken rules of the core under `root`, as `path:line: what is wrong`."""
    source = (root / "packages/pyflame-core/src/cpp").resolve()
    unknown = [path for path in source.glob("*/") if path.name not in BELOW]
    problems = [f"{path}: has no place in the order of ci/check_layers.py" for path in unknown]
    for path in sorted(source.rglob("*")):
        if path.suffix in SUFFIXES and path.parent != source and path.relative_to(source).parts[0] in BELOW:
            problems += check_file(source, path)
    return problems


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=ROOT, help="top of the repository")
    problems = check(parser.parse_args(arguments).root)
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"check_layers: {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
