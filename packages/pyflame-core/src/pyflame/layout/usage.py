"""Placement queries on tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from .mesh_layout import MeshLayout


class _Placed(Protocol):
    @property
    def shape(self) -> Sequence[int]: ...
    @property
    def itemsize(self) -> int: ...
    @property
    def layout(self) -> MeshLayout | None: ...


def _layout(t: _Placed) -> MeshLayout:
    return MeshLayout.single_pe() if t.layout is None else t.layout


def get_tile_shape(t: _Placed, pe: Sequence[int] = (0, 0)) -> tuple[int, ...]:
    """Shape of the part of a tensor that one PE holds; a tensor without a layout is one tile.

    Args:
        t: tensor of any shape.
        pe: (row, col) of the PE.

    Raises:
        IndexError: if the PE is outside the mesh.

    Example:
        >>> from types import SimpleNamespace
        >>> t = SimpleNamespace(shape=(10, 8), itemsize=4, layout=MeshLayout.grid(4, 4))
        >>> get_tile_shape(t, (3, 0))
        (1, 2)
    """
    return _layout(t).tile_shape(pe, t.shape)


def memory_usage_per_pe(t: _Placed) -> dict[str, float]:
    """Bytes a tensor takes on the PEs of its mesh, replicas counted.

    Args:
        t: tensor of any shape.

    Returns:
        `min`, `max` and `average` over the PEs and their `total`, in bytes.

    Example:
        >>> from types import SimpleNamespace
        >>> t = SimpleNamespace(shape=(10, 8), itemsize=4, layout=MeshLayout.row_partition(4))
        >>> memory_usage_per_pe(t)
        {'min': 32, 'max': 96, 'average': 80.0, 'total': 320}
    """
    layout = _layout(t)
    tiles = (layout.tile_shape((i // layout.pe_cols, i % layout.pe_cols), t.shape) for i in range(layout.total_pes))
    sizes = [math.prod(tile) * t.itemsize for tile in tiles]
    return {"min": min(sizes), "max": max(sizes), "average": sum(sizes) / len(sizes), "total": sum(sizes)}
