"""Names of nodes: the path of the module they belong to, and the line of code that recorded them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pyflame.graph.ir import Node

from .patterns import Match
from .program import Program


def label(program: Program, node: Node, match: Match | None, known: Mapping[int, str]) -> str:
    """The module path of a node: that of the weights it reads, else the one around what it continues."""
    inputs = [program.node(value) for value in (match.inputs if match else node.inputs)]
    for one in inputs:
        if is_weight(program, one):
            return known[one.id]
    if node.is_parameter:
        path = node.name.rpartition(".")[0].replace(".", "/")
        return f"/{path}" if path else ""
    for one in inputs:
        if one.is_operation and known.get(one.id):
            own = any(is_weight(program, program.node(edge)) for edge in one.inputs)
            return known[one.id].rpartition("/")[0] if own else known[one.id]
    return ""


def is_weight(program: Program, node: Node) -> bool:
    """Whether a value is a weight, or one that was only moved around."""
    while node.op_type in ("permute", "reshape", "slice"):
        node = program.node(node.inputs[0])
    return node.is_parameter


def source(node: Node) -> str:
    """Where a node was recorded, as a path below the current directory or a bare file name."""
    if node.source_location is None:
        return ""
    path = Path(node.source_location.file)
    here = Path(os.curdir).resolve()
    shown = path.relative_to(here) if path.is_relative_to(here) else Path(path.name)
    return f"{shown}:{node.source_location.line}"
