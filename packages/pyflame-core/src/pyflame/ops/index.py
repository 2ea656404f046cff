"""Selection and accumulation by index tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import _core
from .._types import Array, Number
from ..dtypes import int64
from .creation import from_array
from .out import stored
from .shape import broadcast_shapes, wrap_dim

if TYPE_CHECKING:
    from .._tensor import Tensor

_cast = _core.ops.cast
_eq = _core.ops.eq
_full = _core.ops.full
_gather = _core.ops.gather
_index_add = _core.ops.index_add
_index_select = _core.ops.index_select
_reshape = _core.ops.reshape
_scatter_add = _core.ops.scatter_add


def _positions(op: str, index: Tensor) -> Tensor:
    """Convert an index to int64, which is what the records take."""
    if index.dtype is int64:
        return index
    if index.dtype.is_floating_point or index.dtype.name == "bool":
        raise IndexError(f"[{op}] index has dtype {index.dtype.name}: expected integers")
    return _cast(index, int64)


def gather(x: Tensor, dim: int, index: Tensor, out: Tensor | None = None) -> Tensor:
    """Take, for each position of `index`, the element of `x` that it names along `dim`.

    Args:
        index: as many dimensions as `x`, and no larger in any but `dim`.
        out: takes the result instead of a new tensor.

    Raises:
        RuntimeError: the shapes do not fit.
        IndexError: an index is out of range, found when the result is computed.

    Example:
        >>> import pyflame as pf
        >>> pf.gather(pf.tensor([[1, 2], [3, 4]]), 1, pf.tensor([[0], [1]]))
        tensor([[1],
                [4]])
    """
    if out is not None:
        return stored("gather", out, gather(x, dim, index))
    return _gather(x, _positions("gather", index), dim)


def index_select(x: Tensor, dim: int, index: Tensor, out: Tensor | None = None) -> Tensor:
    """Take whole slices along a dimension.

    Args:
        index: 1-d.
        out: takes the result instead of a new tensor.

    Raises:
        IndexError: an index is out of range, found when the result is computed.

    Example:
        >>> import pyflame as pf
        >>> pf.index_select(pf.tensor([[1, 2], [3, 4]]), 0, pf.tensor([1, 1]))
        tensor([[3, 4],
                [3, 4]])
    """
    if out is not None:
        return stored("index_select", out, index_select(x, dim, index))
    return _index_select(x, _positions("index_select", index), dim)


def take(x: Tensor, index: Tensor) -> Tensor:
    """Take elements of the flattened tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.take(pf.tensor([[1, 2], [3, 4]]), pf.tensor([0, 3]))
        tensor([1, 4])
    """
    flat = _reshape(_positions("take", index), (-1,))
    return _reshape(_index_select(_reshape(x, (-1,)), flat, 0), index.shape)


def take_along_dim(x: Tensor, indices: Tensor, dim: int | None = None, out: Tensor | None = None) -> Tensor:
    """Take the elements that `indices`, such as from `argmax`, name along a dimension; other dimensions broadcast.

    Args:
        dim: None to flatten both.
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> x = pf.tensor([[1, 5], [4, 3]])
        >>> pf.take_along_dim(x, x.argmax(dim=1, keepdim=True), dim=1)
        tensor([[5],
                [4]])
    """
    if out is not None:
        return stored("take_along_dim", out, take_along_dim(x, indices, dim))
    indices = _positions("take_along_dim", indices)
    if dim is None:
        return _gather(_reshape(x, (-1,)), _reshape(indices, (-1,)), 0)
    if x.ndim != indices.ndim:
        raise RuntimeError(
            f"[take_along_dim] x has shape {tuple(x.shape)}, indices {tuple(indices.shape)}: ranks must agree"
        )
    if not x.ndim:
        raise IndexError(f"[take_along_dim] x is 0-d: it has no dimension {dim}")
    dim = wrap_dim("take_along_dim", dim, x.ndim)
    one = [size if d != dim else 1 for d, size in enumerate(x.shape)]
    shape = broadcast_shapes(one, [size if d != dim else 1 for d, size in enumerate(indices.shape)])
    source = [size if d != dim else x.shape[dim] for d, size in enumerate(shape)]
    target = [size if d != dim else indices.shape[dim] for d, size in enumerate(shape)]
    return _gather(_core.ops.expand(x, source), _core.ops.expand(indices, target), dim)


def scatter_add(x: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Add each element of `src` to the element of `x` that `index` names along `dim`.

    Args:
        index: as many dimensions as `x`.
        src: of the dtype of `x`, no smaller than `index` in any dimension.

    Raises:
        RuntimeError: shapes or dtypes do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.scatter_add(pf.zeros(3), 0, pf.tensor([0, 2, 2]), pf.tensor([1.0, 2.0, 3.0]))
        tensor([1., 0., 5.])
    """
    for d, size in enumerate(index.shape):
        if src.ndim == index.ndim and src.shape[d] > size:
            src = _core.ops.slice(src, d, 0, 1, size)
    return _scatter_add(x, _positions("scatter_add", index), src, dim)


def index_add(x: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Tensor:
    """Add slices of `source`, scaled by `alpha`, to the slices of `x` that `index` names.

    Args:
        index: 1-d.
        source: the shape of `x`, but for the size of `dim`, which is that of `index`.

    Example:
        >>> import pyflame as pf
        >>> pf.index_add(pf.zeros(3), 0, pf.tensor([0, 0]), pf.tensor([1.0, 2.0]))
        tensor([3., 0., 0.])
    """
    if alpha != 1:
        source = _core.ops.mul(source, alpha)
    return _index_add(x, _positions("index_add", index), source, dim)


def index_fill(x: Tensor, dim: int, index: Tensor, value: Number | Tensor) -> Tensor:
    """Replace the slices that `index` names by one value.

    Example:
        >>> import pyflame as pf
        >>> pf.index_fill(pf.tensor([1, 2, 3]), 0, pf.tensor([0, 2]), 9)
        tensor([9, 2, 9])
    """
    dim = wrap_dim("index_fill", dim, x.ndim)
    index = _reshape(_positions("index_fill", index), (-1,))
    size = x.shape[dim] if x.ndim else 1
    marks = _index_add(_full(0, int64, (size,)), index, _full(1, int64, index.shape), 0)
    shape = [size if d == dim else 1 for d in range(x.ndim)]
    filled = _core.ops.where(_reshape(_core.ops.gt(marks, 0), shape), value, x)
    return filled if filled.dtype is x.dtype else _cast(filled, x.dtype)


def one_hot(x: Tensor, num_classes: int = -1) -> Tensor:
    """Return int64 vectors with a 1 at the place each element names.

    Args:
        x: integers, any shape.
        num_classes: the length of the vectors; -1 takes the largest element, which evaluates `x`.

    Raises:
        RuntimeError: `num_classes` is missing and `x` has no elements, or its elements are no integers.
        IndexError: when evaluated, an element names no class.

    Example:
        >>> import pyflame as pf
        >>> pf.one_hot(pf.tensor([0, 2]), 3)
        tensor([[1, 0, 0],
                [0, 0, 1]])
    """
    if x.dtype.is_floating_point or x.dtype.name == "bool":
        raise RuntimeError(f"[one_hot] x has dtype {x.dtype.name}: expected integers")
    x = _positions("one_hot", x)
    if num_classes < 0:
        if not x.numel():
            raise RuntimeError(f"[one_hot] x has shape {tuple(x.shape)}, which names no class: give num_classes")
        num_classes = int(_core.item(_core.ops.amax(x))) + 1
    places = _reshape(x, (*x.shape, 1))
    zeros, ones = _core.ops.full(0, int64, (*x.shape, num_classes)), _core.ops.full(1, int64, places.shape)
    return _core.ops.scatter_add(zeros, places, ones, -1)


def nonzero(x: Tensor, *, as_tuple: bool = False) -> Tensor | tuple[Tensor, ...]:
    """Find the positions of the elements that are not 0; evaluates `x`, as the shape depends on it.

    Args:
        as_tuple: return one 1-d tensor per dimension, fit for indexing.

    Example:
        >>> import pyflame as pf
        >>> pf.nonzero(pf.tensor([0, 5, 0, 7]))
        tensor([[1],
                [3]])
    """
    places = host_nonzero(_reshape(x, (1,)) if as_tuple and not x.ndim else x)
    if as_tuple:
        return tuple(from_array(place, int64) for place in places)
    return _rows(places, x)


def argwhere(x: Tensor) -> Tensor:
    """Find the positions of the elements that are not 0, one per row; evaluates `x`.

    Example:
        >>> import pyflame as pf
        >>> pf.argwhere(pf.tensor([[0, 5], [7, 0]]))
        tensor([[0, 1],
                [1, 0]])
    """
    return _rows(host_nonzero(x), x)


def _rows(places: tuple[Array, ...], x: Tensor) -> Tensor:
    return from_array(np.stack(places, axis=-1) if places else np.zeros((int(bool(x)), 0), np.int64), int64)


def host_nonzero(x: Tensor) -> tuple[Array, ...]:
    array = _core.to_array(x)
    if not array.ndim:
        return ()
    # NumPy finds bools in one dimension ten times as fast as numbers, or in several dimensions.
    flat = np.flatnonzero(array if array.dtype == np.bool_ else array != 0)
    places = []
    for size in array.shape[:0:-1]:
        outer = flat // size
        places.append(flat - outer * size)
        flat = outer
    return (flat, *reversed(places))


def masked_select(x: Tensor, mask: Tensor, out: Tensor | None = None) -> Tensor:
    """Return the elements where `mask` holds, as a 1-d tensor; evaluates the mask.

    Args:
        out: takes the result instead of a new tensor.

    Raises:
        RuntimeError: the mask is not bool.

    Example:
        >>> import pyflame as pf
        >>> pf.masked_select(pf.tensor([1, 2, 3]), pf.tensor([True, False, True]))
        tensor([1, 3])
    """
    if out is not None:
        return stored("masked_select", out, masked_select(x, mask))
    if mask.dtype.name != "bool":
        raise RuntimeError(f"[masked_select] mask has dtype {mask.dtype.name}: expected bool")
    shape = broadcast_shapes(x.shape, mask.shape)
    flags = _reshape(_core.ops.expand(mask, shape), (-1,))
    places = from_array(_core.to_array(flags).nonzero()[0], int64)
    return _index_select(_reshape(_core.ops.expand(x, shape), (-1,)), places, 0)
