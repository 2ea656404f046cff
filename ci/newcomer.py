"""Play what the README and the first tutorial say in a fresh clone, and print how long a trained model takes.

Each command and each Python block comes from the pages as they are. The core is compiled anew, without ccache, unless
--ccache is given. Downloads count, reading and typing do not.
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
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TUTORIAL = Path("docs") / "tutorials" / "first-model.md"
COMMAND = "make quickstart"
LIMIT = 15 * 60.0
# What a virtual environment or a CI machine around this program would change.
HIDDEN = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "CI", "MAKEFLAGS", "MAKELEVEL")


def blocks(page: str) -> str:
    """The Python blocks of a page as one program."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE))


def steps(clone: Path) -> Iterator[tuple[str, list[str]]]:
    """What a newcomer runs in the clone, in order.

    Raises:
        ValueError: a page does not say what is expected of it.
    """
    readme, tutorial = (clone / "README.md").read_text(), (clone / TUTORIAL).read_text()
    if not re.search(rf"^    {COMMAND}\b", readme, re.MULTILINE):
        raise ValueError(f"README.md does not say `{COMMAND}`: change newcomer.py with it")
    yield COMMAND, COMMAND.split()
    for name, page in (("README.md", readme), (str(TUTORIAL), tutorial)):
        code = blocks(page)
        if not code:
            raise ValueError(f"{name} has no Python blocks")
        yield f"the code of {name}", [str(clone / ".venv" / "bin" / "python"), "-c", code]


def main() -> int:
    """Run the steps and print the seconds of each; 1 if one fails or all take longer than the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ccache", action="store_true", help="let the compiler find what it compiled before")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds that all may take; default: %(default)s")
    options = parser.parse_args()
    environment = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    if not options.ccache:
        environment["CCACHE_DISABLE"] = "1"
    folder = Path(tempfile.mkdtemp(prefix="newcomer-"))
    clone, rows = folder / "pyflame", []
    try:
        began = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, env=environment)
        rows.append(("git clone", time.monotonic() - began))
        for name, command in steps(clone):
            began = time.monotonic()
            done = subprocess.run(command, cwd=clone, env=environment, stdin=subprocess.DEVNULL)
            rows.append((name, time.monotonic() - began))
            if done.returncode:
                print(f"newcomer: {name} failed with exit code {done.returncode}")
                return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    total = sum(seconds for _, seconds in rows)
    for name, seconds in [*rows, ("all", total)]:
        print(f"{seconds:8.1f} s  {name}")
    if total > options.limit:
        print(f"newcomer: that is more than {options.limit:.0f} s")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
