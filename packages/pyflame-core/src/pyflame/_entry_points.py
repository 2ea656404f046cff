"""What installed distributions offer by entry points, whatever state their metadata are in."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, EntryPoint, distributions


def offers(group: str) -> Iterator[tuple[str, Distribution, list[EntryPoint] | Exception]]:
    """Each distribution with entry points in a group: its name, itself, and the entry points.

    Where the file of entry points cannot be read and mentions the group, the exception comes in their place: the
    standard library would give up on all distributions because of one.
    """
    seen: set[str] = set()
    for distribution in distributions():
        name = _name(distribution)
        if name in seen:  # shadowed by one earlier on the path
            continue
        seen.add(name)
        try:
            entries = [entry for entry in distribution.entry_points if entry.group == group]
        except Exception as error:  # whatever the parser of the standard library makes of damaged text
            if f"[{group}]" in (distribution.read_text("entry_points.txt") or ""):
                yield name, distribution, error
            continue
        if entries:
            yield name, distribution, entries


def readable(group: str) -> Iterator[tuple[str, EntryPoint]]:
    """The entry points of a group with the names of their distributions; damaged files are left out."""
    for name, _, entries in offers(group):
        if not isinstance(entries, Exception):
            for entry in entries:
                yield name, entry


def _name(distribution: Distribution) -> str:
    try:
        return distribution.name or str(distribution)
    except Exception:  # damaged metadata: its place on the disk is all that is known
        return str(getattr(distribution, "_path", distribution))
