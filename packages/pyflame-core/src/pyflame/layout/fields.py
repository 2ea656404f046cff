"""Checks of what a layout is made from."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

DimToPE = Mapping[int, int] | Iterable[Sequence[int]]


class LayoutType(Enum):
    """Kind of a MeshLayout; the value is the name of the method that makes it.

    Example:
        >>> LayoutType("grid")
        <LayoutType.GRID: 'grid'>
    """

    SINGLE_PE = "single_pe"
    ROW_PARTITION = "row_partition"
    COL_PARTITION = "col_partition"
    GRID = "grid"
    REPLICATED = "replicated"
    BLOCK_CYCLIC = "block_cyclic"
    CUSTOM = "custom"


def count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"[layout] {name} is {value!r}: it must be an integer")
    if value < 1:
        raise ValueError(f"[layout] {name} is {value}: it must be at least 1")
    return operator.index(value)


def dim_pairs(mapping: DimToPE | None) -> tuple[tuple[int, int], ...] | None:
    if mapping is None:
        return None
    items: Iterable[Sequence[int]] = mapping.items() if isinstance(mapping, Mapping) else mapping
    pairs = tuple(sorted((operator.index(dim), operator.index(axis)) for dim, axis in items))
    axes = [axis for _, axis in pairs]
    if not pairs or len(set(axes)) < len(axes) or not set(axes) <= {0, 1}:
        raise ValueError(
            f"[layout] dim_to_pe is {dict(pairs)}: map one tensor dimension to mesh axis 0 (rows), 1 (columns) "
            "or one to each; use replicated to split none"
        )
    return pairs
