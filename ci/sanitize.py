"""Build the core with sanitizers, install it in the environment that runs this, and run pytest on it.

    python ci/sanitize.py [--sanitizers address,undefined] packages/pyflame-core/tests/io -n 2

The first finding ends the process that made it. Leaks are not looked for: the interpreter itself leaves much behind.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local_index import ROOT, pip

CORE = ROOT / "packages" / "pyflame-core"
# sanitizer -> its runtime library, which must be loaded before the interpreter
RUNTIMES = {"address": "libasan.so", "undefined": "libubsan.so", "thread": "libtsan.so"}
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1:detect_stack_use_after_return=0",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": f"halt_on_error=1:abort_on_error=1:die_after_fork=0:suppressions={ROOT / 'ci' / 'tsan.supp'}",
    "PYTHONMALLOC": "malloc",  # so that the interpreter's own blocks are watched too
    "OPENBLAS_NUM_THREADS": "1",  # NumPy's threads hand on their work unseen
}


def build(sanitizers: str) -> Path:
    """Build a wheel of the core with `sanitizers`; objects are kept, as those of an ordinary build are."""
    folder = ROOT / "build" / "sanitize" / sanitizers.replace(",", "-")
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "build-dir": str(folder / "objects"),
        "cmake.build-type": "RelWithDebInfo",
        "cmake.define.PYFLAME_SANITIZE": sanitizers,
        "install.strip": "false",
    }
    backend = importlib.import_module("scikit_build_core.build")
    with contextlib.chdir(CORE):
        return folder / backend.build_wheel(str(folder), settings)


def environment(sanitizers: Sequence[str]) -> Mapping[str, str]:
    """Return the variables that load the sanitizers' runtimes and make findings fatal."""
    compiler = os.environ.get("CXX", "c++")
    found = [
        subprocess.run([compiler, f"-print-file-name={RUNTIMES[name]}"], check=True, capture_output=True, text=True)
        for name in sanitizers
    ]
    paths = [done.stdout.strip() for done in found]
    for path in paths:
        if not Path(path).is_absolute():  # what GCC prints where it has none
            raise FileNotFoundError(f"{compiler} has no {path}: install the sanitizers of GCC")
    return {**os.environ, **OPTIONS, "LD_PRELOAD": " ".join(paths)}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sanitizers", default="address,undefined", help="separated by commas: %(default)s, or thread")
    options, pytest = parser.parse_known_args(arguments)
    sanitizers = options.sanitizers.split(",")
    if unknown := [name for name in sanitizers if name not in RUNTIMES]:
        parser.error(f"unknown sanitizers {', '.join(unknown)}: there are {', '.join(RUNTIMES)}")
    loaded = environment(sanitizers)
    pip("install", "--no-index", "--no-deps", "--force-reinstall", build(options.sanitizers))
    return subprocess.run([sys.executable, "-m", "pytest", "-m", "not plain_build", *pytest], env=loaded).returncode


if __name__ == "__main__":
    sys.exit(main())
