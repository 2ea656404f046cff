"""Moving a tensor from one layout to another: what kind of traffic, and how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from .fields import LayoutType
from .mesh_layout import MeshLayout
from .queries import place
from .tiles import BlockPlacement, DimSplit, DTypeLike, element_size


class TransformKind(Enum):
    """What a layout change asks of the fabric.

    Example:
        >>> MeshLayout.replicated(2, 2).transform_to(MeshLayout.grid(2, 2)).kind
        <TransformKind.SLICE: 'slice'>
    """

    NONE = "none"  # the same placement
    SLICE = "slice"  # every PE already has what it needs and drops the rest
    BROADCAST = "broadcast"  # full copies to a larger mesh
    SCATTER = "scatter"  # from one PE to many
    GATHER = "gather"  # from many PEs to one
    ALL_GATHER = "all_gather"  # every PE ends with everything
    REDISTRIBUTE = "redistribute"  # any PE to any PE


@dataclass(frozen=True, slots=True)
class LayoutTransform:
    """The move of a tensor from one layout to another.

    Args:
        source: layout before.
        target: layout after.

    Example:
        >>> LayoutTransform(MeshLayout.grid(2, 2), MeshLayout.single_pe()).kind
        <TransformKind.GATHER: 'gather'>
    """

    source: MeshLayout
    target: MeshLayout

    @property
    def kind(self) -> TransformKind:
        """What the move asks of the fabric, for shapes in general.

        Example:
            >>> MeshLayout.single_pe().transform_to(MeshLayout.replicated(2, 2)).kind
            <TransformKind.BROADCAST: 'broadcast'>
        """
        source, target = self.source, self.target
        if source == target or (source.total_pes == target.total_pes == 1):
            return TransformKind.NONE
        if source.covers(target):
            return TransformKind.SLICE
        if target.total_pes == 1:
            return TransformKind.GATHER
        if target.type is LayoutType.REPLICATED:
            return TransformKind.BROADCAST if source.covers(source) else TransformKind.ALL_GATHER
        return TransformKind.SCATTER if source.total_pes == 1 else TransformKind.REDISTRIBUTE

    def cost(self, shape: Sequence[int], dtype: DTypeLike) -> int:
        """Bytes that PEs of the target lack before the move, summed over them; a broadcast counts every receiver.

        Args:
            shape: tensor shape.
            dtype: dtype, or bytes per element.

        Raises:
            IndexError: if the shape lacks a dimension that a layout splits.

        Example:
            >>> MeshLayout.row_partition(2).transform_to(MeshLayout.col_partition(2)).cost((4, 4), 4)
            48
        """
        source, target = place(self.source, shape), place(self.target, shape)
        size = element_size(dtype)
        if isinstance(source, BlockPlacement) and isinstance(target, BlockPlacement):
            rows = min(self.source.pe_rows, self.target.pe_rows)
            cols = min(self.source.pe_cols, self.target.pe_cols)
            pairs = list(zip(source.dims, target.dims, strict=True))
            split = {dim.axis for dim in target.dims}
            copies = (1 if 0 in split else self.target.pe_rows) * (1 if 1 in split else self.target.pe_cols)
            return (math.prod(shape) * copies - _shared(pairs, rows, cols)) * size
        ids = np.arange(math.prod(shape)).reshape(shape)
        missing = 0
        for row in range(self.target.pe_rows):
            for col in range(self.target.pe_cols):
                needed = ids[self.target.tile_indices((row, col), shape)]
                if row < self.source.pe_rows and col < self.source.pe_cols:
                    needed = np.setdiff1d(needed, ids[self.source.tile_indices((row, col), shape)])
                missing += needed.size
        return missing * size


def _shared(dims: list[tuple[DimSplit, DimSplit]], rows: int, cols: int) -> int:
    """Elements that PEs of the common mesh hold both before and after, summed over those PEs."""
    held: NDArray[np.int64] = np.ones((rows, cols), dtype=np.int64)
    coords = np.ogrid[:rows, :cols]
    for source, target in dims:
        common = np.zeros((source.parts, target.parts), dtype=np.int64)
        np.add.at(common, (source.owners(), target.owners()), 1)
        before = 0 if source.axis is None else coords[source.axis]
        after = 0 if target.axis is None else coords[target.axis]
        held = held * common[before, after]
    return int(held.sum())
