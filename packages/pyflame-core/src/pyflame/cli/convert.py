"""`pyflame convert IN OUT`: weights from one file format to another."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, TypedDict

from .output import add_json, bytes_text, show


class Conversion(TypedDict):
    """The JSON of `pyflame convert`."""

    source: str
    target: str
    source_bytes: int
    target_bytes: int


def add(commands: Any) -> None:
    parser = commands.add_parser("convert", help="write a weight file in another format, chosen by its ending")
    parser.add_argument("source", metavar="IN")
    parser.add_argument("target", metavar="OUT")
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    import pyflame as pf

    source, target = Path(options.source), Path(options.target)
    if target.exists() and not options.force:
        raise FileExistsError(f"[convert] {target} exists: give --force to replace it")
    pf.save(pf.load(source), target)
    sizes = source.stat().st_size, target.stat().st_size
    done: Conversion = {
        "source": str(source),
        "target": str(target),
        "source_bytes": sizes[0],
        "target_bytes": sizes[1],
    }
    show(options, done, [f"{source} ({bytes_text(sizes[0])}) -> {target} ({bytes_text(sizes[1])})"])
    return 0
