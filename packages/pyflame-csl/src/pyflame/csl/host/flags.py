"""The command line of cslc."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

USAGE = (
    "usage: cslc LAYOUT.csl --arch wse2|wse3 [--fabric-dims=W,H] [--fabric-offsets=X,Y] "
    "[--params=NAME:VALUE,...] [--colors=NAME:ID,...] [-o DIR]"
)
# Flags with a value that change nothing here.
_NO_EFFECT = frozenset({"channels", "width-west-buf", "width-east-buf", "max-parallelism", "max-inlined-iterations"})
_SWITCHES = frozenset({"memcpy", "verbose"})


class UsageError(Exception):
    """A command line that says too little, or what cannot be read."""


@dataclass
class Flags:
    """What a command line asks for."""

    layout: Path
    arch: str = "wse3"
    output: Path = Path("out")
    fabric_dims: tuple[int, int] = (0, 0)
    fabric_offsets: tuple[int, int] = (4, 1)
    params: dict[str, str] = field(default_factory=dict)
    colors: dict[str, int] = field(default_factory=dict)
    import_paths: list[Path] = field(default_factory=list)
    memcpy: bool = False
    verbose: bool = False
    warnings: list[str] = field(default_factory=list)


def parse_flags(arguments: Sequence[str]) -> Flags:
    """Return what a command line asks for; unknown flags become warnings.

    Raises:
        UsageError: there is not exactly one layout file, or a value cannot be read.
    """
    environment = os.environ.get("CSL_IMPORT_PATH", "")
    found = Flags(Path(), import_paths=[Path(entry) for entry in environment.split(":") if entry])
    layouts: list[str] = []
    for name, value in _pairs(arguments):
        if name:
            _set(found, name, value)
        else:
            layouts.append(value)
    if len(layouts) != 1:
        raise UsageError(f"one layout file is wanted, not {len(layouts)}: {' '.join(layouts)}".rstrip(": "))
    found.layout = Path(layouts[0])
    return found


def _pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (flag, value); the flag is empty for what stands alone."""
    waiting = list(reversed(arguments))
    while waiting:
        word = waiting.pop()
        if not word.startswith("-") or word == "-":
            yield "", word
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if equals or name in _SWITCHES:
            yield name, value
        elif name in _SETTERS or name in _NO_EFFECT:
            if not waiting:
                raise UsageError(f"{word} wants a value")
            yield name, waiting.pop()
        else:
            yield name, ""


def _set(found: Flags, name: str, value: str) -> None:
    setter = _SETTERS.get(name)
    if setter is not None:
        setter(found, value)
    elif name == "verbose":
        found.verbose = True
    elif name == "memcpy":
        found.memcpy = True
    elif name not in _NO_EFFECT:
        found.warnings.append(f"the flag --{name} is unknown and has no effect")


def _arch(found: Flags, value: str) -> None:
    if value not in ("wse2", "wse3"):
        raise UsageError(f"--arch is {value!r}: wse2 and wse3 are known")
    found.arch = value


def _pair(name: str, value: str) -> tuple[int, int]:
    try:
        first, second = map(int, value.split(","))
    except ValueError:
        raise UsageError(f"{name} is {value!r}: two numbers are wanted, such as 8,3") from None
    return first, second


def _entries(name: str, value: str) -> Iterator[tuple[str, str]]:
    for entry in filter(None, value.split(",")):
        key, colon, content = entry.partition(":")
        if not colon or not key:
            raise UsageError(f"{name} has {entry!r}: NAME:VALUE is wanted")
        yield key.strip(), content.strip()


def _dims(found: Flags, value: str) -> None:
    found.fabric_dims = _pair("--fabric-dims", value)


def _offsets(found: Flags, value: str) -> None:
    found.fabric_offsets = _pair("--fabric-offsets", value)


def _params(found: Flags, value: str) -> None:
    found.params.update(_entries("--params", value))


def _colors(found: Flags, value: str) -> None:
    for name, number in _entries("--colors", value):
        if not number.isdigit():
            raise UsageError(f"--colors gives {name} the value {number!r}: a number is wanted")
        found.colors[name] = int(number)


def _output(found: Flags, value: str) -> None:
    found.output = Path(value)


def _import_path(found: Flags, value: str) -> None:
    found.import_paths.append(Path(value))


_SETTERS = {
    "arch": _arch,
    "fabric-dims": _dims,
    "fabric-offsets": _offsets,
    "params": _params,
    "colors": _colors,
    "o": _output,
    "import-path": _import_path,
}
