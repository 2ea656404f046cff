"""Questions a layout answers about one shape."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .fields import LayoutType
from .tiles import (
    BlockPlacement,
    DimSplit,
    DTypeLike,
    Index,
    OwnerFn,
    PECoord,
    Placement,
    element_size,
    owner_placement,
)


class TileQueries:
    """The part of MeshLayout that depends on a shape."""

    __slots__ = ()

    type: LayoutType
    pe_rows: int
    pe_cols: int
    block_row_size: int | None
    block_col_size: int | None
    dim_to_pe: tuple[tuple[int, int], ...] | None
    owner_fn: OwnerFn | None

    def split_dims(self, ndim: int) -> tuple[int | None, int | None]:
        """Tensor dimensions split over PE rows and PE columns; None where that axis has one PE or holds replicas.

        Args:
            ndim: dimensions of the tensor.

        Raises:
            IndexError: if `dim_to_pe` names a dimension the tensor does not have.
            ValueError: if `dim_to_pe` splits one dimension twice, or the layout is custom.

        Example:
            >>> from pyflame.layout import MeshLayout
            >>> MeshLayout.grid(4, 4).split_dims(3), MeshLayout.grid(4, 4).split_dims(1)
            ((1, 2), (None, 0))
        """
        if self.type is LayoutType.CUSTOM:
            raise ValueError(f"[split_dims] {self} does not split by dimension: ask for tile_indices")
        dims: list[int | None] = [None, None]
        for dim, axis in self._pairs(ndim):
            if not -ndim <= dim < ndim:
                raise IndexError(f"[layout] {self} splits dimension {dim}: the tensor has {ndim} dimensions")
            dims[axis] = dim % ndim
        if dims[0] is not None and dims[0] == dims[1]:
            raise ValueError(f"[layout] {self} splits dimension {dims[0]} of {ndim} over both mesh axes: name one")
        return dims[0] if self.pe_rows > 1 else None, dims[1] if self.pe_cols > 1 else None

    def tile_shape(self, pe: Sequence[int], shape: Sequence[int]) -> Index:
        """Shape of the tile one PE holds; sizes may be 0.

        Args:
            pe: (row, col) of the PE.
            shape: tensor shape.

        Raises:
            IndexError: if the PE is outside the mesh or the shape lacks a split dimension.

        Example:
            >>> from pyflame.layout import MeshLayout
            >>> [MeshLayout.col_partition(4).tile_shape((0, c), (5,)) for c in range(4)]
            [(2,), (2,), (1,), (0,)]
        """
        return place(self, shape).tile_shape(self._coord(pe))

    def tile_slices(self, pe: Sequence[int], shape: Sequence[int]) -> tuple[slice, ...]:
        """Slices that cut a PE's tile out of the tensor.

        Args:
            pe: (row, col) of the PE.
            shape: tensor shape.

        Raises:
            ValueError: for block_cyclic and custom, whose tiles are not contiguous.
            IndexError: if the PE is outside the mesh or the shape lacks a split dimension.

        Example:
            >>> from pyflame.layout import MeshLayout
            >>> MeshLayout.row_partition(2).tile_slices((1, 0), (5, 4))
            (slice(3, 5, None), slice(0, 4, None))
        """
        placement = place(self, shape)
        if self.type is LayoutType.BLOCK_CYCLIC or not isinstance(placement, BlockPlacement):
            raise ValueError(f"[tile_slices] tiles of {self} are not contiguous: use tile_indices")
        return placement.tile_slices(self._coord(pe))

    def tile_indices(self, pe: Sequence[int], shape: Sequence[int]) -> tuple[NDArray[np.int64], ...]:
        """One index array per dimension; together they pick a PE's tile out of a host array, in the tile's shape.

        Args:
            pe: (row, col) of the PE.
            shape: tensor shape.

        Raises:
            IndexError: if the PE is outside the mesh or the shape lacks a split dimension.

        Example:
            >>> from pyflame.layout import MeshLayout
            >>> host = np.arange(8)
            >>> host[MeshLayout.block_cyclic(1, 2, 1, 2).tile_indices((0, 1), (8,))]
            array([2, 3, 6, 7])
        """
        return place(self, shape).tile_indices(self._coord(pe))

    def pe_for_element(self, index: Sequence[int], shape: Sequence[int]) -> PECoord:
        """PE that holds an element; of replicas, the one nearest to PE (0, 0).

        Args:
            index: position of the element, negative counts from the end.
            shape: tensor shape.

        Raises:
            IndexError: if the index is outside the shape.

        Example:
            >>> from pyflame.layout import MeshLayout
            >>> MeshLayout.grid(2, 2).pe_for_element((0, -1), (4, 4))
            PECoord(row=0, col=1)
        """
        return place(self, shape).owner(_position(index, shape))

    def local_indices(self, index: Sequence[int], shape: Sequence[int]) -> Index:
        """Position of an element inside the tile that holds it.

        Args:
            index: position of the element, negative counts from the end.
            shape: tensor shape.

        Raises:
            IndexError: if the index is outside the shape.

        Example:
            >>> from pyflame.layout import MeshLayout
            >>> MeshLayout.grid(2, 2).local_indices((3, 1), (4, 4))
            (1, 1)
        """
        return place(self, shape).local(_position(index, shape))

    def global_indices(self, pe: Sequence[int], local: Sequence[int], shape: Sequence[int]) -> Index:
        """Position in the tensor of an element of a tile.

        Args:
            pe: (row, col) of the PE.
            local: position inside its tile, negative counts from the end.
            shape: tensor shape.

        Raises:
            IndexError: if the PE is outside the mesh or the position outside the tile.

        Example:
            >>> from pyflame.layout import MeshLayout
            >>> MeshLayout.grid(2, 2).global_indices((1, 0), (1, 1), (4, 4))
            (3, 1)
        """
        placement, coord = place(self, shape), self._coord(pe)
        return placement.element(coord, _position(local, placement.tile_shape(coord)))

    def memory_per_pe(self, shape: Sequence[int], dtype: DTypeLike) -> int:
        """Bytes of the largest tile.

        Args:
            shape: tensor shape.
            dtype: dtype, or bytes per element.

        Raises:
            IndexError: if the shape lacks a split dimension.

        Example:
            >>> from pyflame.layout import MeshLayout
            >>> MeshLayout.grid(4, 4).memory_per_pe((10, 10), 4)
            36
        """
        return place(self, shape).largest_tile() * element_size(dtype)

    def _coord(self, pe: Sequence[int]) -> PECoord:
        row, col = map(operator.index, pe)
        if not (0 <= row < self.pe_rows and 0 <= col < self.pe_cols):
            raise IndexError(f"[layout] PE ({row}, {col}) is outside the {self.pe_rows}x{self.pe_cols} mesh of {self}")
        return PECoord(row, col)

    def _pairs(self, ndim: int) -> tuple[tuple[int, int], ...]:
        if self.dim_to_pe is not None:
            return self.dim_to_pe
        if ndim == 0 or self.type in (LayoutType.SINGLE_PE, LayoutType.REPLICATED):
            return ()
        if ndim == 1:
            return ((-1, 0 if self.type is LayoutType.ROW_PARTITION else 1),)
        return ((-2, 0), (-1, 1))


def place(layout: TileQueries, shape: Sequence[int]) -> Placement:
    extents = tuple(map(operator.index, shape))
    if min(extents, default=0) < 0:
        raise ValueError(f"[layout] shape {extents} has a negative size")
    if layout.owner_fn is not None and extents:
        return owner_placement(layout.owner_fn, layout.pe_rows, layout.pe_cols, extents)
    dims = [DimSplit.over(n, 1, None) for n in extents]
    if layout.owner_fn is None:
        row_dim, col_dim = layout.split_dims(len(extents))
        if row_dim is not None:
            dims[row_dim] = DimSplit.over(extents[row_dim], layout.pe_rows, 0, layout.block_row_size)
        if col_dim is not None:
            dims[col_dim] = DimSplit.over(extents[col_dim], layout.pe_cols, 1, layout.block_col_size)
    return BlockPlacement(tuple(dims))


def _position(index: Sequence[int], shape: Sequence[int]) -> Index:
    if len(index) != len(shape):
        raise IndexError(f"[layout] index {tuple(index)} has {len(index)} entries, shape {tuple(shape)} {len(shape)}")
    for i, n in zip(index, shape, strict=True):
        if not -n <= i < n:
            raise IndexError(f"[layout] index {tuple(index)} is outside shape {tuple(shape)}")
    return tuple(operator.index(i) % n for i, n in zip(index, shape, strict=True))
