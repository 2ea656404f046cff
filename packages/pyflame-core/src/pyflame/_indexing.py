"""x[index] and x[index] = value."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from . import _core
from ._core import TensorBase
from ._inplace import before, copied, write
from .dtypes import bool_, float64, int64
from .ops.creation import as_tensor, from_array
from .ops.scattering import index_put
from .ops.shape import broadcast_shapes

if TYPE_CHECKING:
    from ._tensor import Tensor
else:
    Tensor = TensorBase  # the class whose methods are under construction

_cast = _core.ops.cast
_expand = _core.ops.expand
_index_select = _core.ops.index_select
_permute = _core.ops.permute
_reshape = _core.ops.reshape
_slice = _core.ops.slice
_where = _core.ops.where


def getitem(x: Tensor, index: Any) -> Tensor:
    kind = type(index)
    if kind is int:
        return _take_one(x, index)
    if kind is slice:
        return _take_slice(x, 0, index) if x.ndim else _general(x, (index,))
    return _general(x, index if kind is tuple else (index,))


def _take_one(x: Tensor, index: int) -> Tensor:
    shape = x.shape
    if not shape:
        raise IndexError("[getitem] a 0-d tensor cannot be indexed with a number: use item() for its value")
    size = shape[0]
    if not -size <= index < size:
        raise IndexError(f"[getitem] index {index} is out of range for dimension 0 of size {size}")
    return _reshape(_slice(x, 0, index % size, 1, 1), shape[1:])


def _take_slice(x: Tensor, dim: int, index: slice) -> Tensor:
    step = 1 if index.step is None else operator.index(index.step)
    if step < 1:
        raise ValueError(f"[getitem] slice step {step} must be positive: use flip for another order")
    start, stop, _ = index.indices(x.shape[dim])
    return _slice(x, dim, start, step, max(-((start - stop) // step), 0))


def _is_list_index(item: Any) -> bool:
    return isinstance(item, (TensorBase, np.ndarray, list, range))


def _index_tensor(item: Any) -> Tensor:
    """An index of more than one position, as int64 or bool."""
    if isinstance(item, (list, range)) and not len(item):
        return from_array(np.zeros(0, np.int64), int64)
    index = as_tensor(list(item) if isinstance(item, range) else item)
    if index.dtype is bool_ or index.dtype is int64:
        return index
    if index.dtype.is_floating_point:
        raise IndexError(f"[getitem] an index has dtype {index.dtype.name}: expected integers or bool")
    return _cast(index, int64)


def _general(x: Tensor, items: tuple[Any, ...]) -> Tensor:
    y, lists = _basic(x, items)
    if lists:
        return _advanced(y, lists)
    return _reshape(x, x.shape) if y is x else y


def _width(item: Any) -> int:
    """How many dimensions of x an index item stands for."""
    if item is None or item is Ellipsis or isinstance(item, (bool, np.bool)):
        return 0
    if _is_list_index(item):
        index = _index_tensor(item)
        return index.ndim if index.dtype is bool_ else 1
    return 1


def _basic(x: Tensor, items: tuple[Any, ...]) -> tuple[Tensor, list[tuple[int, Tensor]]]:
    """Apply numbers, slices, None and `...`; return what is left, as (dimension, index) in order."""
    items = tuple(_index_tensor(item) if _is_list_index(item) else item for item in items)
    used = sum(map(_width, items))
    if used > x.ndim:
        raise IndexError(f"[getitem] {used} indices for a tensor of {x.ndim} dimensions, shape {tuple(x.shape)}")
    dots = sum(item is Ellipsis for item in items)
    if dots > 1:
        raise IndexError("[getitem] an index can have one '...'")
    if not dots:
        items = (*items, Ellipsis)
    lists: list[tuple[int, Tensor]] = []
    dim = dropped = added = 0
    for item in items:
        shape = x.shape
        if item is Ellipsis:
            dim += len(shape) - dim - sum(map(_width, items[items.index(Ellipsis) + 1 :])) if dots else len(shape) - dim
        elif item is None:
            x = _reshape(x, (*shape[:dim], 1, *shape[dim:]))
            dim, added = dim + 1, added + 1
        elif isinstance(item, (bool, np.bool)):
            x = _reshape(x, (*shape[:dim], 1, *shape[dim:]))
            lists.append((dim, from_array(np.zeros(int(item), np.int64), int64)))
            dim += 1
        elif isinstance(item, slice):
            x = _take_slice(x, dim, item)
            dim += 1
        elif isinstance(item, Tensor):
            if item.ndim == 0 and item.dtype is bool_:
                x = _reshape(x, (*shape[:dim], 1, *shape[dim:]))
                lists.append((dim, from_array(np.zeros(int(_core.item(item)), np.int64), int64)))
                dim += 1
                continue
            lists.append((dim, item))
            dim += item.ndim if item.dtype is bool_ else 1
        else:
            x = _drop_dim(x, dim, item, dim + dropped - added)
            dropped += 1
    return x, lists


def _drop_dim(x: Tensor, dim: int, item: Any, original: int) -> Tensor:
    try:
        index = operator.index(item)
    except TypeError:
        raise IndexError(
            f"[getitem] cannot index with {type(item).__name__}: expected integers, slices, None, '...' or tensors"
        ) from None
    shape = x.shape
    if not -shape[dim] <= index < shape[dim]:
        raise IndexError(f"[getitem] index {index} is out of range for dimension {original} of size {shape[dim]}")
    return _reshape(_slice(x, dim, index % shape[dim], 1, 1), (*shape[:dim], *shape[dim + 1 :]))


def _positions(x: Tensor, lists: list[tuple[int, Tensor]]) -> list[tuple[int, Tensor]]:
    """Replace masks by the positions where they hold, which evaluates them."""
    found = []
    for dim, index in lists:
        if index.dtype is not bool_:
            found.append((dim, index))
            continue
        covered = x.shape[dim : dim + index.ndim]
        if index.shape != covered:
            raise _misfit(index, covered)
        places = _core.to_array(index).nonzero()
        found += [(dim + offset, from_array(place, int64)) for offset, place in enumerate(places)]
    return found


def _joined_index(x: Tensor, lists: list[tuple[int, Tensor]]) -> tuple[Tensor, Tensor]:
    """One index over the dimensions of several, and where a position leaves its dimension."""
    flat, outside = None, None
    for dim, index in lists:
        size = x.shape[dim]
        wrong = (index < -size) | (index >= size)
        index = _where(index < 0, index + size, index)
        flat = index if flat is None else flat * size + index
        outside = wrong if outside is None else outside | wrong
    assert flat is not None and outside is not None
    return flat, outside


def _where_mask_holds(x: Tensor, dim: int, mask: Tensor) -> Tensor:
    """What a mask chooses, which covers dimensions from `dim` on: places in those taken as one."""
    before, covered, after = x.shape[:dim], x.shape[dim : dim + mask.ndim], x.shape[dim + mask.ndim :]
    if mask.shape != covered:
        raise _misfit(mask, covered)
    places = from_array(_core.to_array(mask).reshape(-1).nonzero()[0], int64)
    return _index_select(_reshape(x, (*before, math.prod(covered), *after)), places, dim)


def _misfit(mask: Tensor, covered: tuple[int, ...]) -> IndexError:
    return IndexError(f"[getitem] a mask of shape {tuple(mask.shape)} meets dimensions of shape {tuple(covered)}")


def _advanced(x: Tensor, lists: list[tuple[int, Tensor]]) -> Tensor:
    if len(lists) == 1 and lists[0][1].dtype is bool_:
        return _where_mask_holds(x, *lists[0])
    lists = _positions(x, lists)
    dims = [dim for dim, _ in lists]
    shape = broadcast_shapes(*(index.shape for _, index in lists)) if len(lists) > 1 else lists[0][1].shape
    flat, outside = lists[0][1], None
    if len(lists) > 1:
        flat, outside = _joined_index(x, lists)
    together = dims == list(range(dims[0], dims[0] + len(dims)))
    first = dims[0]
    if not together:  # as in NumPy, what is indexed moves to the front
        x = _permute(x, [*dims, *(d for d in range(x.ndim) if d not in dims)])
        first = 0
    joined = 1
    for size in x.shape[first : first + len(dims)]:
        joined *= size
    before, after = x.shape[:first], x.shape[first + len(dims) :]
    if outside is not None:
        x, flat = _reshape(x, (*before, joined, *after)), _where(outside, joined, flat)
    y = _index_select(x, _reshape(flat if flat.shape == shape else _expand(flat, shape), (-1,)), first)
    return y if len(shape) == 1 else _reshape(y, (*before, *shape, *after))


def setitem(x: Tensor, index: Any, value: Any) -> None:
    items = index if isinstance(index, tuple) else (index,)
    part, lists = _basic(x, items)
    if lists:
        _set_advanced(part, lists, value)
    elif not isinstance(value, TensorBase) or not _core.same_window(part, value):  # x[1] += 1 has written already
        _core.overwrite("setitem", part, copied(part, _fitting(value, part)))


def _fitting(value: Any, x: Tensor) -> Tensor:
    """A value to be broadcast to x, without leading dimensions of size 1 that are too many.

    Python numbers are converted to the dtype of x at once: the default dtype may have fewer digits.
    """
    if isinstance(value, float) and not x.dtype.is_floating_point:
        value = as_tensor(value, dtype=float64)
    elif x.dtype.is_floating_point and not isinstance(value, (TensorBase, np.ndarray)):
        value = as_tensor(value, dtype=x.dtype)
    else:
        value = as_tensor(value)
    extra = value.ndim - x.ndim
    if extra > 0 and all(size == 1 for size in value.shape[:extra]):
        return _reshape(value, value.shape[extra:])
    return value


def _set_advanced(x: Tensor, lists: list[tuple[int, Tensor]], value: Any) -> None:
    typed = isinstance(value, TensorBase)
    value = _fitting(value, x)
    dim, index = lists[0]
    if len(lists) == 1 and dim == 0 and index.dtype is bool_ and value.numel() == 1:
        write("setitem", x, _masked(x, index, value))  # evaluates nothing
        return
    indices: list[Tensor | None] = []
    for dim, index in lists:
        indices += [None] * (dim - sum(entry.ndim if _is_mask(entry) else 1 for entry in indices))
        indices.append(index)
    if value.dtype is not x.dtype:
        if typed:
            raise RuntimeError(
                f"[setitem] the value has dtype {value.dtype.name}, the tensor {x.dtype.name}: convert one of them"
            )
        value = _cast(value, x.dtype)
    write("setitem", x, index_put(before(x), indices, value))


def _is_mask(index: Tensor | None) -> TypeGuard[Tensor]:
    return index is not None and index.dtype is bool_


def _masked(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    if mask.shape != x.shape[: mask.ndim]:
        raise IndexError(f"[setitem] a mask of shape {tuple(mask.shape)} meets a tensor of shape {tuple(x.shape)}")
    mask = _reshape(mask, (*mask.shape, *[1] * (x.ndim - mask.ndim)))
    value = _reshape(value, ())
    return _where(mask, value if value.dtype is x.dtype else _cast(value, x.dtype), x)
