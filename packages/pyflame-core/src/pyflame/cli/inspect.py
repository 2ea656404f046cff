"""`pyflame inspect FILE`: what a weight file contains."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any, TypedDict

from .output import add_json, bytes_text, paint, pairs, show, table


class TensorRow(TypedDict):
    """One tensor of a file."""

    name: str
    dtype: str
    shape: list[int]
    num_bytes: int


class Inspection(TypedDict):
    """The JSON of `pyflame inspect`."""

    file: str
    format: str
    tensors: list[TensorRow]
    metadata: dict[str, Any]


def add(commands: Any) -> None:
    parser = commands.add_parser("inspect", help="list the tensors of a file")
    parser.add_argument("file", metavar="FILE")
    add_json(parser)
    parser.set_defaults(run=run)


def look(path: Path) -> Inspection:
    from ..io import inspect_file

    found = inspect_file(path)
    rows: list[TensorRow] = [
        {"name": name, "dtype": t.dtype.name, "shape": list(t.shape), "num_bytes": t.size_bytes}
        for name, t in found.tensors.items()
    ]
    # Notes of a file may be what JSON lacks, as a dtype or infinity are.
    notes = {
        name: value if isinstance(value, str | int | None) else str(value) for name, value in found.metadata.items()
    }
    return {"file": str(path), "format": found.format, "tensors": rows, "metadata": notes}


def run(options: argparse.Namespace) -> int:
    found = look(Path(options.file))
    tensors = found["tensors"]
    elements = sum(math.prod(tensor["shape"]) for tensor in tensors)
    total = bytes_text(sum(tensor["num_bytes"] for tensor in tensors))
    rows = [
        (tensor["name"], tensor["dtype"], str(tuple(tensor["shape"])), bytes_text(tensor["num_bytes"]))
        for tensor in tensors
    ]
    lines = [f"{found['file']}: {found['format']}, {len(tensors)} tensors, {elements:,} elements, {total}", ""]
    lines += table(("tensor", "dtype", "shape", "size"), rows, right={3})
    if found["metadata"]:
        lines += ["", paint("bold", "metadata"), *("  " + line for line in pairs(found["metadata"].items()))]
    show(options, found, lines)
    return 0
