"""Text for people, JSON for programs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def paint(style: str, text: str) -> str:
    """Text in a colour, where stdout is a terminal that wants one: see no-color.org."""
    wanted = sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if not wanted or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[int] = ()) -> Iterator[str]:
    """Lines with aligned columns; the numbers of `right` stand at the right."""
    rows = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *rows)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if i in right else cell.ljust(width) for i, (cell, width) in enumerate(zip(cells, widths))
        )
        return "  ".join(padded).rstrip()

    yield paint("bold", line(header))
    yield from map(line, rows)


def pairs(values: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """Lines of names and values."""
    texts = [(name, str(value)) for name, value in values]
    width = max((len(name) for name, _ in texts), default=0)
    for name, value in texts:
        yield f"{paint('cyan', name.ljust(width))}  {value}"


def show(options: argparse.Namespace, data: Any, lines: Iterable[str]) -> None:
    """Print the data as JSON or the lines, as the command line asks."""
    if options.json:
        print(json.dumps(data, indent=2))  # ASCII, whatever the encoding of the terminal
    else:
        for line in lines:
            print(line)


def bytes_text(count: int) -> str:
    """A number of bytes with three digits or so."""
    if count < 1024:
        return f"{count} B"
    size = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        size /= 1024
        if size < 1024 or unit == "TiB":
            break
    return f"{size:.3g} {unit}" if size < 1000 else f"{size:.0f} {unit}"
