"""Sizes that are given as one number or two."""

from __future__ import annotations

Pair = int | tuple[int, int]


def pair(value: Pair) -> tuple[int, int]:
    """Return (value, value) for a number, and a pair as it is."""
    if isinstance(value, int):
        return (value, value)
    first, second = value
    return (first, second)
