"""The list of patterns, and where they are in a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pyflame.graph.ir import Value

from ..program import Program
from ..table import Array
from .activations import ACTIVATIONS
from .linear import LINEAR
from .match import Match, NoMatch, Pattern, View
from .norms import NORMS
from .windows import WINDOWS

# Operation at the end of a composition -> patterns, the larger before those they contain.
PATTERNS: dict[str, list[Pattern]] = {}
for _table in (NORMS, WINDOWS, LINEAR, ACTIVATIONS):
    for _op, _patterns in _table.items():
        PATTERNS.setdefault(_op, []).extend(_patterns)


def find_matches(program: Program, constants: Mapping[Value, Array]) -> dict[int, Match]:
    """Node at the end of a composition -> what to write for it."""
    found: dict[int, Match] = {}
    taken: set[int] = set()
    for node in reversed(program.order):
        if node.id in taken or Value(node.id) in constants:
            continue
        for pattern in PATTERNS.get(node.op_type, ()):
            view = View(program, constants)
            try:
                match = pattern(view, node)
            except NoMatch:
                continue
            inside = {id for id in view.visited if id != node.id and Value(id) not in match.inputs}
            if not view.alone(node.id, sorted(inside)):
                continue
            found[node.id] = replace(match, inside=frozenset(inside))
            taken |= inside
            break
    return found
