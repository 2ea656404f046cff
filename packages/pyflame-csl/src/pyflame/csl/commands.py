"""`pyflame csl compile` and `run`: the commands of a program with cslc and cs_python at hand."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .host.options import VARIABLE, as_text
from .sim.copies import HostCopy, differing, read
from .sim.diagnostics import RunDiagnostic

BIN = Path(__file__).parent / "bin"


def environment(options: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return the environment in which cslc and cs_python are found, before any vendor's.

    Args:
        options: of the simulator, such as {"mode": "cycle", "sched_seed": 3}.
    """
    found = dict(os.environ)
    # The commands run `python3`: it must be this one.
    found["PATH"] = os.pathsep.join([str(BIN), str(Path(sys.executable).parent), found.get("PATH", os.defpath)])
    if options:
        found[VARIABLE] = as_text(options)
    return found


def script_of(path: Path, arch: str) -> Path:
    """Return the script that runs a program: `path` itself, or commands_ARCH.sh or commands.sh in that folder.

    Raises:
        FileNotFoundError: there is none.
    """
    if path.is_file():
        return path
    names = [f"commands_{arch}.sh", "commands.sh"]
    for name in names:
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(f"[csl] {path} has neither {' nor '.join(names)}: name a script, or such a folder")


def run_script(script: Path, options: Mapping[str, Any] | None = None, arguments: Sequence[str] = ()) -> int:
    """Run a script of cslc and cs_python commands in its own folder; return its exit code."""
    command = ["bash", str(script.resolve()), *arguments]
    return subprocess.run(command, cwd=script.resolve().parent, env=environment(options)).returncode


def run_seeds(script: Path, seeds: int, options: Mapping[str, Any] | None = None) -> tuple[int, list[RunDiagnostic]]:
    """Run a script once per scheduler seed; return the first exit code that is not 0, and which copies differ."""
    runs: dict[int, list[HostCopy]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            copies = Path(folder, f"seed{seed}")
            code = run_script(script, {**(options or {}), "sched_seed": seed, "copies": copies})
            if code:
                return code, []
            runs[seed] = read(copies)
    return 0, differing(runs)
