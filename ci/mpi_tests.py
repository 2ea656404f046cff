"""Run the tests of pyflame.distributed, with Open MPI installed first where that is possible.

Without an `mpirun`, a Debian system on which this runs as root gets the package openmpi-bin; elsewhere the tests that
need it skip, and this program says why. Arguments go to pytest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "packages" / "pyflame-nn" / "tests" / "distributed"
PACKAGES = ("openmpi-bin", "libopenmpi-dev")


def reason_not_to_install() -> str:
    """Why Open MPI cannot be installed here, "" if it can."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get"
    if os.geteuid() != 0:
        return "installing packages needs root"
    return ""


def install() -> str:
    """Install Open MPI; return why it failed, "" if it did not."""
    reason = reason_not_to_install()
    if reason:
        return reason
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(["apt-get", "-qq", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            return f"apt-get {command[0]} failed: {done.stdout.strip()[-300:]}"
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Install what is missing, then run the tests."""
    if shutil.which("mpirun") is None:
        reason = install()
        if reason:
            print(f"mpi_tests: no mpirun, so the tests with two processes skip: {reason}", flush=True)
    options = sys.argv[1:] if arguments is None else list(arguments)
    return subprocess.run([sys.executable, "-m", "pytest", str(TESTS), *options]).returncode


if __name__ == "__main__":
    sys.exit(main())
