"""Joining tensors of few dimensions, and combinations of elements."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import _core
from ..dtypes import int64, result_type
from .creation import from_array
from .join import cat, hstack, vstack
from .shape import atleast_3d

if TYPE_CHECKING:
    from .._tensor import Tensor

_embed = _core.ops.embed
_reshape = _core.ops.reshape


def _nonempty(op: str, tensors: Sequence[Tensor]) -> list[Tensor]:
    listed = list(tensors)
    if not listed:
        raise RuntimeError(f"[{op}] expected at least one tensor, got an empty list")
    return listed


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join along the third dimension; vectors become (1, n, 1), matrices (n, m, 1).

    Example:
        >>> import pyflame as pf
        >>> pf.dstack([pf.tensor([1, 2]), pf.tensor([3, 4])])
        tensor([[[1, 3],
                 [2, 4]]])
    """
    return cat([atleast_3d(x) for x in _nonempty("dstack", tensors)], 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Join along the second dimension; vectors become columns.

    Example:
        >>> import pyflame as pf
        >>> pf.column_stack([pf.tensor([1, 2]), pf.tensor([3, 4])])
        tensor([[1, 3],
                [2, 4]])
    """
    listed = _nonempty("column_stack", tensors)
    return hstack([x if x.ndim > 1 else _reshape(x, (-1, 1)) for x in listed])


def block_diag(*tensors: Tensor) -> Tensor:
    """Put matrices along the diagonal of a matrix of zeros; vectors count as rows.

    Raises:
        RuntimeError: a tensor has more than two dimensions.

    Example:
        >>> import pyflame as pf
        >>> pf.block_diag(pf.tensor([[1, 2]]), pf.tensor(3))
        tensor([[1, 2, 0],
                [0, 0, 3]])
    """
    if not tensors:
        return _core.ops.full(0, result_type(1.0), (1, 0))
    for place, x in enumerate(tensors):
        if x.ndim > 2:
            raise RuntimeError(f"[block_diag] tensor {place} has shape {tuple(x.shape)}: expected at most 2 dimensions")
    blocks = [x if x.ndim == 2 else _reshape(x, (1, -1)) for x in tensors]
    width, start, rows = sum(block.shape[1] for block in blocks), 0, []
    for block in blocks:
        rows.append(_embed(block, 1, start, 1, width))
        start += block.shape[1]
    return _core.ops.cat(rows, 0)


def combinations(x: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Return all choices of `r` elements of a vector, one per row, as `itertools.combinations` orders them.

    Args:
        with_replacement: an element may be chosen more than once.

    Raises:
        RuntimeError: `x` is no vector, or `r` is negative.

    Example:
        >>> import pyflame as pf
        >>> pf.combinations(pf.tensor([1, 2, 3]))
        tensor([[1, 2],
                [1, 3],
                [2, 3]])
    """
    if x.ndim != 1 or r < 0:
        raise RuntimeError(f"[combinations] x has {x.ndim} dimensions, r is {r}: expected one, and r of at least 0")
    if r == 0:
        return _core.ops.slice(x, 0, 0, 1, 0)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = np.array(list(choose(range(x.shape[0]), r)), np.int64).reshape(-1, r)
    return _reshape(_core.ops.index_select(x, from_array(places.reshape(-1), int64), 0), places.shape)


row_stack = vstack
