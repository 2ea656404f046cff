"""Where the elements of one shape live: which PE holds which index, and where in its tile."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, SupportsIndex

import numpy as np
from numpy.typing import NDArray

Index = tuple[int, ...]
OwnerFn = Callable[[Index, Index], Sequence[int]]


class PECoord(NamedTuple):
    """Position of a PE in its mesh, counted from the north-west corner.

    Args:
        row: PE row, 0 is the northernmost.
        col: PE column, 0 is the westernmost.

    Example:
        >>> PECoord(1, 2).col
        2
    """

    row: int
    col: int


class _HasItemsize(Protocol):
    @property
    def itemsize(self) -> int: ...


DTypeLike = SupportsIndex | _HasItemsize


def element_size(dtype: DTypeLike) -> int:
    size: Any = getattr(dtype, "itemsize", dtype)
    if not isinstance(size, SupportsIndex):
        raise TypeError(f"[layout] {dtype!r} has no element size: pass a dtype with an itemsize or a number of bytes")
    if size.__index__() < 1:
        raise ValueError(f"[layout] an element of {size} bytes: it must have at least 1")
    return size.__index__()


class Placement(Protocol):
    """A layout applied to one shape; `pe`, `index` and `local` have been checked by the caller."""

    def tile_shape(self, pe: PECoord) -> Index: ...
    def tile_indices(self, pe: PECoord) -> tuple[NDArray[np.int64], ...]: ...
    def owner(self, index: Index) -> PECoord: ...
    def local(self, index: Index) -> Index: ...
    def element(self, pe: PECoord, local: Index) -> Index: ...
    def largest_tile(self) -> int: ...


class DimSplit(NamedTuple):
    """Blocks of `block` indices of one dimension, dealt in turn to the `parts` PEs along mesh axis `axis`.

    An even split is the case of one block per PE, an unsplit dimension that of one part.
    """

    extent: int
    parts: int
    block: int
    axis: int | None

    @classmethod
    def over(cls, extent: int, parts: int, axis: int | None, block: int | None = None) -> DimSplit:
        return cls(extent, parts, block or max(1, -(-extent // parts)), axis)

    def part(self, pe: PECoord) -> int:
        return 0 if self.axis is None else pe[self.axis]

    def size(self, part: int) -> int:
        full, rest = divmod(self.extent, self.block)
        rounds, last = divmod(full, self.parts)
        return rounds * self.block + (self.block if part < last else rest if part == last else 0)

    def owners(self) -> NDArray[np.int64]:
        return np.arange(self.extent, dtype=np.int64) // self.block % self.parts

    def owner(self, index: int) -> int:
        return index // self.block % self.parts

    def local(self, index: int) -> int:
        return index // (self.block * self.parts) * self.block + index % self.block

    def element(self, part: int, local: int) -> int:
        return (local // self.block * self.parts + part) * self.block + local % self.block


class BlockPlacement(NamedTuple):
    """Every tile is a product of per-dimension index sets: all kinds but custom."""

    dims: tuple[DimSplit, ...]

    def tile_shape(self, pe: PECoord) -> Index:
        return tuple(dim.size(dim.part(pe)) for dim in self.dims)

    def tile_slices(self, pe: PECoord) -> tuple[slice, ...]:
        starts = [min(dim.part(pe) * dim.block, dim.extent) for dim in self.dims]
        return tuple(slice(start, start + size) for start, size in zip(starts, self.tile_shape(pe), strict=True))

    def tile_indices(self, pe: PECoord) -> tuple[NDArray[np.int64], ...]:
        return np.ix_(*(np.flatnonzero(dim.owners() == dim.part(pe)) for dim in self.dims))

    def owner(self, index: Index) -> PECoord:
        coord = [0, 0]
        for dim, i in zip(self.dims, index, strict=True):
            if dim.axis is not None:
                coord[dim.axis] = dim.owner(i)
        return PECoord(*coord)

    def local(self, index: Index) -> Index:
        return tuple(dim.local(i) for dim, i in zip(self.dims, index, strict=True))

    def element(self, pe: PECoord, local: Index) -> Index:
        return tuple(dim.element(dim.part(pe), i) for dim, i in zip(self.dims, local, strict=True))

    def largest_tile(self) -> int:
        # Blocks are dealt from part 0 on, so no PE holds more than the first.
        return math.prod(dim.size(0) for dim in self.dims)


class OwnerPlacement(NamedTuple):
    """Every element goes where a function says; a tile is the 1-D list of its elements in row-major order."""

    ndim: int
    tiles: dict[PECoord, list[Index]]
    places: dict[Index, tuple[PECoord, int]]

    def tile_shape(self, pe: PECoord) -> Index:
        return (len(self.tiles.get(pe, ())),)

    def tile_indices(self, pe: PECoord) -> tuple[NDArray[np.int64], ...]:
        table = np.array(self.tiles.get(pe, ()), dtype=np.int64).reshape(-1, self.ndim)
        return tuple(table.T)

    def owner(self, index: Index) -> PECoord:
        return self.places[index][0]

    def local(self, index: Index) -> Index:
        return (self.places[index][1],)

    def element(self, pe: PECoord, local: Index) -> Index:
        return self.tiles[pe][local[0]]

    def largest_tile(self) -> int:
        return max(map(len, self.tiles.values()), default=0)


@lru_cache(maxsize=16)
def owner_placement(owner_fn: OwnerFn, rows: int, cols: int, shape: Index) -> OwnerPlacement:
    tiles: dict[PECoord, list[Index]] = {}
    places: dict[Index, tuple[PECoord, int]] = {}
    for index in itertools.product(*map(range, shape)):
        row, col = map(operator.index, owner_fn(index, shape))
        if not (0 <= row < rows and 0 <= col < cols):
            raise ValueError(
                f"[layout] owner_fn puts element {index} of shape {shape} on PE ({row}, {col}), "
                f"outside the {rows}x{cols} mesh"
            )
        tile = tiles.setdefault(PECoord(row, col), [])
        places[index] = PECoord(row, col), len(tile)
        tile.append(index)
    return OwnerPlacement(len(shape), tiles, places)
