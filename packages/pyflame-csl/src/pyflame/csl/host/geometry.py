"""Points and rectangles of PEs: `cerebras.geometry.geometry`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class IntVector:
    """A place or size in PEs."""

    x: int
    y: int


@dataclass(frozen=True)
class IntRectangle:
    """The PEs from `origin` up to, but not including, `corner`."""

    origin: IntVector
    corner: IntVector
