"""Sizes that are given as one number, or as one for each dimension."""

from __future__ import annotations

Pair = int | tuple[int, int]
Extent = int | tuple[int, ...]


def pair(value: Pair) -> tuple[int, int]:
    """Return (value, value) for a number, and a pair as it is."""
    if isinstance(value, int):
        return (value, value)
    first, second = value
    return (first, second)


def extent(op: str, name: str, value: Extent, rank: int) -> tuple[int, ...]:
    """Return one number for each of `rank` dimensions."""
    if isinstance(value, int):
        return (value,) * rank
    sizes = tuple(value)
    if len(sizes) != rank:
        raise ValueError(f"[{op}] {name} is {value}: expected one number or {rank}")
    return sizes
