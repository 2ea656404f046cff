"""How a layout follows the dimensions of a tensor through an operation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .fields import LayoutType
from .mesh_layout import MeshLayout
from .tiles import Index

SplitDims = tuple[int | None, int | None]


def whole(layout: MeshLayout) -> MeshLayout:
    """The layout itself if it splits nothing, else full copies on its mesh."""
    if layout.type in (LayoutType.SINGLE_PE, LayoutType.REPLICATED):
        return layout
    return MeshLayout.replicated(layout.pe_rows, layout.pe_cols)


def with_splits(layout: MeshLayout, dims: SplitDims, ndim: int) -> MeshLayout:
    """The layout on the same mesh that splits `dims`, without `dim_to_pe` where the default rule says the same."""
    if dims == (None, None):
        return whole(layout)
    pairs = [(dim - ndim, axis) for axis, dim in enumerate(dims) if dim is not None]
    default = replace(layout, dim_to_pe=None)
    return default if default.split_dims(ndim) == dims else replace(layout, dim_to_pe=tuple(pairs))


def follow(layout: MeshLayout, shape: Index, out_shape: Index, moved: Mapping[int, int]) -> MeshLayout:
    """The layout of a result whose dimension moved[d] is dimension d of the input; splits of other dimensions go."""
    if shape == out_shape and all(moved.get(dim) == dim for dim in range(len(shape))):
        return layout
    if layout.type is LayoutType.CUSTOM:
        return whole(layout)
    row_dim, col_dim = layout.split_dims(len(shape))
    dims = (
        None if row_dim is None else moved.get(row_dim),
        None if col_dim is None else moved.get(col_dim),
    )
    return with_splits(layout, dims, len(out_shape))


def holds(source: MeshLayout, target: MeshLayout, ndim: int) -> bool:
    """Whether every PE of the target, for any shape of `ndim` dimensions, has its tile in the source already."""
    if source == target or source.covers(target):
        return True
    if LayoutType.CUSTOM in (source.type, target.type):
        return False
    source_blocks = (source.block_row_size, source.block_col_size)
    target_blocks = (target.block_row_size, target.block_col_size)
    parts = ((source.pe_rows, target.pe_rows), (source.pe_cols, target.pe_cols))
    for axis, (before, after) in enumerate(zip(source.split_dims(ndim), target.split_dims(ndim), strict=True)):
        if before is None:
            if parts[axis][0] < parts[axis][1]:
                return False
        elif before != after or parts[axis][0] != parts[axis][1] or source_blocks[axis] != target_blocks[axis]:
            return False
    return True


def reshaped_dims(layout: MeshLayout, shape: Index, out_shape: Index) -> dict[int, int]:
    """Where each dimension goes in a row-major reshape, if every PE's elements stay where they are."""
    if math.prod(shape) == 0:
        return {}
    moved: dict[int, int] = {}
    blocks = (layout.block_row_size, layout.block_col_size)
    axes = {dim: axis for axis, dim in enumerate(layout.split_dims(len(shape)))}
    for dims, outs in _reshape_groups(shape, out_shape):
        first, out = dims[0], outs[0]
        if len(dims) == len(outs) == 1:
            moved[first] = out
        elif first in axes:
            axis = axes[first]
            count = (layout.pe_rows, layout.pe_cols)[axis]
            # Equal parts of the slowest dimension are equal runs of memory, whatever the dimensions are called.
            if blocks[axis] is None and shape[first] % count == 0 and out_shape[out] % count == 0:
                moved[first] = out
    return moved


def _reshape_groups(shape: Index, out_shape: Index) -> list[tuple[list[int], list[int]]]:
    """Shortest runs of dimensions with equal products; sizes of 1 belong to none."""
    left = [dim for dim, n in enumerate(shape) if n != 1]
    right = [dim for dim, n in enumerate(out_shape) if n != 1]
    groups = []
    while left and right:
        dims, outs = [left.pop(0)], [right.pop(0)]
        while (have := _size(shape, dims)) != (want := _size(out_shape, outs)):
            if have < want:
                dims.append(left.pop(0))
            else:
                outs.append(right.pop(0))
        groups.append((dims, outs))
    return groups


def _size(shape: Index, dims: Sequence[int]) -> int:
    return math.prod(shape[dim] for dim in dims)
