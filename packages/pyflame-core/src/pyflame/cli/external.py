"""Subcommands of other distributions, found by the entry point group `pyflame.cli`."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from importlib.metadata import EntryPoint
from typing import Any

from .._entry_points import readable

GROUP = "pyflame.cli"
# subcommand -> the distribution that ships it
KNOWN = {
    "csl": "pyflame-csl",
    "profile": "pyflame-tools",
    "debug": "pyflame-tools",
    "visualize": "pyflame-tools",
    "migrate": "pyflame-tools",
    "benchmark": "pyflame-tools",
    "onnx": "pyflame-onnx",
    "serve": "pyflame-serve",
    "package": "pyflame-serve",
    "lsp": "pyflame-lsp",
    "check": "pyflame-lsp",
}


def owner(point: EntryPoint) -> str:
    """The distribution an entry point belongs to."""
    return point.dist.name if point.dist is not None else "an unnamed distribution"


def clashes(points: Collection[EntryPoint], taken: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Names with several owners, and a sentence that names them."""
    for name in sorted({point.name for point in points}):
        owners = [owner(point) for point in points if point.name == name]
        if name in taken:
            owners.insert(0, "pyflame-core")
        if len(owners) > 1:
            yield name, f"{name!r} is claimed by {' and '.join(owners)}: uninstall all but one"


def load(point: EntryPoint) -> Any:
    """What an entry point stands for.

    Raises:
        TypeError: it is not callable.
    """
    add = point.load()
    if not callable(add):
        raise TypeError(f"[cli] {point.value} of {owner(point)} is a {type(add).__name__}: expected a function")
    return add


def add(commands: Any, chosen: str | None, built_in: Collection[str]) -> int | None:
    """Add the installed subcommands; only the code of the chosen one is imported.

    Returns:
        An exit code when the chosen one cannot run.
    """
    points = [point for _, point in readable(GROUP)]
    problems = dict(clashes(points, built_in))
    for point in sorted(points, key=lambda point: point.name):
        if point.name == chosen and point.name not in problems:
            try:
                load(point)(commands)
            except Exception as error:  # of code that is not ours: told, and kept from the other subcommands
                print(f"pyflame: {chosen} of {owner(point)} is broken: {error!r}", file=sys.stderr)
                print("pyflame: `pyflame plugins doctor` shows the traceback", file=sys.stderr)
                return 1
            if chosen not in commands.choices:
                print(f"pyflame: {point.value} of {owner(point)} adds no subcommand {chosen!r}", file=sys.stderr)
                return 1
        elif point.name not in problems:
            commands.add_parser(point.name, help=f"from {owner(point)}", add_help=False)
    registry = sys.modules.get("pyflame.extend.registry")  # no plugin is loaded if it is not there
    for name, add_command in registry.commands.entries.items() if registry else ():
        if name not in commands.choices:
            add_command(commands)
    if chosen in problems:
        print(f"pyflame: {problems[chosen]}", file=sys.stderr)
        return 1
    if chosen in KNOWN and chosen not in commands.choices:
        print(f"pyflame: {chosen} is not installed: pip install {KNOWN[chosen]}", file=sys.stderr)
        return 2
    return None
