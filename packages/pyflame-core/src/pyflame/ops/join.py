"""Joining and splitting tensors, and copies in another arrangement."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._types import Dims, Number, Sizes
from ..dtypes import int32, int64
from .creation import from_array
from .out import stored
from .shape import wrap_dim

if TYPE_CHECKING:
    from .._tensor import Tensor

Tensors = Sequence["Tensor"]

_alias = _core.ops.alias
_cat = _core.ops.cat
_embed = _core.ops.embed
_expand = _core.ops.expand
_flip = _core.ops.flip
_permute = _core.ops.permute
_reshape = _core.ops.reshape
_slice = _core.ops.slice


def _listed(tensors: Tensors) -> Any:
    return tensors if isinstance(tensors, (list, tuple)) else list(tensors)


def cat(tensors: Tensors, dim: int = 0, out: Tensor | None = None) -> Tensor:
    """Join tensors along an existing dimension.

    Args:
        tensors: equal in all sizes but that of `dim`; 1-d tensors without elements are passed over.
        out: takes the result instead of a new tensor.

    Raises:
        ValueError: the list is empty.
        RuntimeError: other sizes differ.

    Example:
        >>> import pyflame as pf
        >>> pf.cat([pf.tensor([1, 2]), pf.tensor([3])])
        tensor([1, 2, 3])
    """
    if out is not None:
        return stored("cat", out, cat(tensors, dim))
    tensors = _listed(tensors)
    if len(tensors) > 1 and builtins.any(x.shape == (0,) for x in tensors):
        tensors = [x for x in tensors if x.shape != (0,)] or tensors[:1]
    return _cat(tensors, dim)


def stack(tensors: Tensors, dim: int = 0, out: Tensor | None = None) -> Tensor:
    """Join tensors of equal shape along a new dimension.

    Args:
        out: takes the result instead of a new tensor.

    Raises:
        RuntimeError: the list is empty or shapes differ.

    Example:
        >>> import pyflame as pf
        >>> pf.stack([pf.tensor([1, 2]), pf.tensor([3, 4])], dim=1)
        tensor([[1, 3],
                [2, 4]])
    """
    if out is not None:
        return stored("stack", out, stack(tensors, dim))
    tensors = _listed(tensors)
    if not tensors:
        raise RuntimeError("[stack] expected at least one tensor, got an empty list")
    shape = tensors[0].shape
    for place, x in enumerate(tensors):
        if x.shape != shape:
            raise RuntimeError(
                f"[stack] tensor 0 has shape {tuple(shape)}, tensor {place} has shape {tuple(x.shape)}: must be equal"
            )
    dim = wrap_dim("stack", dim, len(shape) + 1)
    longer = (*shape[:dim], 1, *shape[dim:])
    return _cat([_reshape(x, longer) for x in tensors], dim)


def hstack(tensors: Tensors, out: Tensor | None = None) -> Tensor:
    """Join along the second dimension, or the first of 1-d tensors.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.hstack([pf.tensor([1, 2]), pf.tensor([3])])
        tensor([1, 2, 3])
    """
    if out is not None:
        return stored("hstack", out, hstack(tensors))
    parts = [x if x.ndim else _reshape(x, (1,)) for x in tensors]
    return cat(parts, 0 if parts and parts[0].ndim == 1 else 1)


def vstack(tensors: Tensors, out: Tensor | None = None) -> Tensor:
    """Join along the first dimension; 1-d tensors become rows.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.vstack([pf.tensor([1, 2]), pf.tensor([3, 4])])
        tensor([[1, 2],
                [3, 4]])
    """
    if out is not None:
        return stored("vstack", out, vstack(tensors))
    return cat([x if x.ndim > 1 else _reshape(x, (1, -1)) for x in tensors], 0)


def narrow(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return `length` slices of a dimension from `start` on.

    Raises:
        RuntimeError: they leave the dimension.
        IndexError: `start` does.

    Example:
        >>> import pyflame as pf
        >>> pf.narrow(pf.arange(5), 0, 1, 3)
        tensor([1, 2, 3])
    """
    if not x.ndim:
        raise RuntimeError("[narrow] x is 0-d: it has no dimension to narrow")
    if start < 0:
        start += x.shape[dim]
    if 0 <= start <= x.shape[dim] < start + length:
        raise RuntimeError(f"[narrow] {length} slices from {start} on leave dimension {dim} of size {x.shape[dim]}")
    return _slice(x, dim, start, 1, length)


def select(x: Tensor, dim: int, index: int) -> Tensor:
    """Return one slice of a dimension, without the dimension.

    Raises:
        IndexError: the index is out of range, or `x` is 0-d.

    Example:
        >>> import pyflame as pf
        >>> pf.select(pf.tensor([[1, 2], [3, 4]]), 1, 0)
        tensor([1, 3])
    """
    if not x.ndim:
        raise IndexError("[select] a 0-d tensor has no dimension to select from: use item() for its value")
    dim = wrap_dim("select", dim, x.ndim)
    shape = x.shape
    size = shape[dim]
    if not -size <= index < size:
        raise IndexError(f"[select] index {index} is out of range for dimension {dim} of size {size}")
    return _reshape(_slice(x, dim, index % size, 1, 1), (*shape[:dim], *shape[dim + 1 :]))


def split(x: Tensor, split_size_or_sections: Sizes, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a dimension into pieces.

    Args:
        split_size_or_sections: the size of each piece (the last may be smaller), or a list of all sizes.

    Raises:
        RuntimeError: the sizes do not add up to the size of the dimension.

    Example:
        >>> import pyflame as pf
        >>> pf.split(pf.arange(5), 2)
        (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    dim = wrap_dim("split", dim, x.ndim)
    whole = x.shape[dim] if x.ndim else 1
    if isinstance(split_size_or_sections, int):
        step = split_size_or_sections
        if step < 1 and (step or whole):
            raise RuntimeError(f"[split] the piece size is {step}: it must be positive")
        sizes = [builtins.min(step, whole - start) for start in range(0, whole, step or 1)] or [0]
    else:
        sizes = list(split_size_or_sections)
        if builtins.sum(sizes) != whole or builtins.min(sizes, default=0) < 0:
            raise RuntimeError(f"[split] sizes {sizes} do not add up to {whole}, the size of dimension {dim}")
    starts = [builtins.sum(sizes[:place]) for place in range(len(sizes))]
    return tuple(_slice(x, dim, start, 1, size) for start, size in zip(starts, sizes))


def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a dimension into at most so many pieces of equal size; the last may be smaller.

    Example:
        >>> import pyflame as pf
        >>> pf.chunk(pf.arange(5), 2)
        (tensor([0, 1, 2]), tensor([3, 4]))
    """
    if chunks < 1:
        raise RuntimeError(f"[chunk] chunks is {chunks}: it must be positive")
    if not x.ndim:
        raise RuntimeError("[chunk] x is 0-d: it has no dimension to cut")
    if not x.shape[dim]:
        return tuple(_slice(x, dim, 0, 1, 0) for _ in range(chunks))
    return split(x, builtins.max(-(-x.shape[dim] // chunks), 1), dim)


def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return all slices of a dimension, without the dimension.

    Example:
        >>> import pyflame as pf
        >>> pf.unbind(pf.tensor([[1, 2], [3, 4]]))
        (tensor([1, 2]), tensor([3, 4]))
    """
    return tuple(select(x, dim, index) for index in range(x.shape[wrap_dim("unbind", dim, x.ndim)]))


def flip(x: Tensor, *dims: Any) -> Tensor:
    """Reverse the order along dimensions.

    Example:
        >>> import pyflame as pf
        >>> pf.flip(pf.tensor([[1, 2], [3, 4]]), (0, 1))
        tensor([[4, 3],
                [2, 1]])
    """
    order = dims[0] if len(dims) == 1 else dims
    # No dimension reverses nothing; the record would read an empty list as all of them.
    return _core.ops.alias(x) if order == () or order == [] else _flip(x, order)


def fliplr(x: Tensor) -> Tensor:
    """Reverse the second dimension.

    Example:
        >>> import pyflame as pf
        >>> pf.fliplr(pf.tensor([[1, 2]]))
        tensor([[2, 1]])
    """
    if x.ndim < 2:
        raise RuntimeError(f"[fliplr] x has {x.ndim} dimensions: expected at least 2")
    return _flip(x, 1)


def flipud(x: Tensor) -> Tensor:
    """Reverse the first dimension.

    Example:
        >>> import pyflame as pf
        >>> pf.flipud(pf.tensor([1, 2]))
        tensor([2, 1])
    """
    if not x.ndim:
        raise RuntimeError("[flipud] x is 0-d: expected at least 1 dimension")
    return _flip(x, 0)


def rot90(x: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Rotate by a right angle in the plane of two dimensions.

    Args:
        k: how often; negative numbers rotate from the second towards the first dimension.
        dims: the plane.

    Raises:
        RuntimeError: `dims` are not two different dimensions.

    Example:
        >>> import pyflame as pf
        >>> pf.rot90(pf.tensor([[1, 2], [3, 4]]))
        tensor([[2, 4],
                [1, 3]])
    """
    if len(dims) != 2 or x.ndim < 2:
        raise RuntimeError(
            f"[rot90] dims is {tuple(dims)}, x has {x.ndim} dimensions: expected a plane of at least two"
        )
    a, b = (wrap_dim("rot90", dim, x.ndim) for dim in dims)
    if a == b:
        raise RuntimeError(f"[rot90] dims {tuple(dims)} name one dimension twice")
    order = list(range(x.ndim))
    order[a], order[b] = b, a
    if k % 4 == 0:
        return _core.ops.alias(x)
    if k % 4 == 2:
        return _flip(x, (a, b))
    return _permute(_flip(x, b), order) if k % 4 == 1 else _flip(_permute(x, order), b)


def roll(x: Tensor, shifts: Sizes, dims: Dims = None) -> Tensor:
    """Move elements along dimensions; what leaves at the end comes back at the start.

    Args:
        dims: None to roll the flattened tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.roll(pf.arange(4), 1)
        tensor([3, 0, 1, 2])
    """
    if dims is None:
        return _reshape(roll(_reshape(x, (-1,)), shifts, 0), x.shape)
    given = x
    amounts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    places = (dims,) if isinstance(dims, int) else tuple(dims)
    if len(amounts) != len(places):
        raise RuntimeError(f"[roll] shifts {shifts} and dims {dims} differ in length")
    if not x.numel():
        return _core.ops.alias(x)
    for amount, dim in zip(amounts, places):
        size = x.shape[dim]
        cut = -amount % size if size else 0
        if cut:
            x = _cat([_slice(x, dim, cut, 1, size - cut), _slice(x, dim, 0, 1, cut)], dim)
    return x if x is not given else _alias(x)


def repeat(x: Tensor, *sizes: Any) -> Tensor:
    """Put copies next to each other.

    Args:
        sizes: how many copies along each dimension, as numbers or one tuple; new dimensions lead.

    Raises:
        RuntimeError: there are fewer numbers than dimensions.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1, 2]).repeat(2, 2)
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
    """
    counts = tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    lead = len(counts) - x.ndim
    if lead < 0:
        raise RuntimeError(f"[repeat] {len(counts)} counts for {x.ndim} dimensions: give one for each")
    shape = (1,) * lead + x.shape
    apart = [size for one in shape for size in (1, one)]
    spread = [size for count, one in zip(counts, shape) for size in (count, one)]
    return _reshape(_expand(_reshape(_alias(x), apart), spread), [count * one for count, one in zip(counts, shape)])


def tile(x: Tensor, *dims: Any) -> Tensor:
    """Put copies next to each other; missing counts are 1.

    Example:
        >>> import pyflame as pf
        >>> pf.tile(pf.tensor([[1, 2]]), (2,))
        tensor([[1, 2, 1, 2]])
    """
    counts = tuple(dims[0]) if len(dims) == 1 and not isinstance(dims[0], int) else dims
    return repeat(x, (1,) * (x.ndim - len(counts)) + counts)


def repeat_interleave(
    x: Tensor,
    repeats: int | Tensor | None = None,
    dim: int | None = None,
    *,
    output_size: int | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Repeat each slice of a dimension in place; of repeats alone, return the index of each copy.

    Args:
        repeats: one number, or an integer tensor with one number for each slice.
        dim: None to flatten first.
        output_size: the size of the result, for which the values of `repeats` are needed at once otherwise.
        out: takes the result instead of a new tensor.

    Raises:
        RuntimeError: numbers are negative, or as many as there are slices is not how many there are.

    Example:
        >>> import pyflame as pf
        >>> pf.repeat_interleave(pf.tensor([1, 2]), 2)
        tensor([1, 1, 2, 2])
        >>> pf.repeat_interleave(pf.tensor([1, 2]), pf.tensor([1, 3]))
        tensor([1, 2, 2, 2])
    """
    if out is not None:
        return stored("repeat_interleave", out, repeat_interleave(x, repeats, dim, output_size=output_size))
    if repeats is None:
        return _copies(x, x.shape[0], output_size)
    x = _alias(x)  # a copy, even where nothing is repeated
    if dim is None:
        x, dim = _reshape(x, (-1,)), 0
    if not x.ndim:
        raise IndexError("[repeat_interleave] x is 0-d: it has no dimension to repeat along, leave dim out")
    dim = wrap_dim("repeat_interleave", dim, x.ndim)
    if not isinstance(repeats, int):
        return _core.ops.index_select(x, _copies(repeats, x.shape[dim], output_size), dim)
    if repeats < 0:
        raise RuntimeError(f"[repeat_interleave] repeats is {repeats}: it must not be negative")
    shape = x.shape
    if output_size is not None and output_size != shape[dim] * repeats:
        raise RuntimeError(f"[repeat_interleave] output_size is {output_size}, the result has {shape[dim] * repeats}")
    spread = _expand(
        _reshape(x, (*shape[: dim + 1], 1, *shape[dim + 1 :])), (*shape[: dim + 1], repeats, *shape[dim + 1 :])
    )
    return _reshape(spread, (*shape[:dim], shape[dim] * repeats, *shape[dim + 1 :]))


def _copies(repeats: Tensor, size: int, output_size: int | None) -> Tensor:
    """Which slice each slice of the result is a copy of."""
    if repeats.dtype not in (int32, int64) or repeats.ndim > 1:
        raise RuntimeError(
            f"[repeat_interleave] repeats is {repeats.dtype.name} of {repeats.ndim} dimensions: "
            "expected int64, 0-d or 1-d"
        )
    if repeats.numel() not in (1, size):
        raise RuntimeError(f"[repeat_interleave] {repeats.numel()} repeats for {size} slices: give one for each")
    if output_size is not None:  # then nothing needs to be evaluated
        ends = _core.ops.cumsum(_expand(_reshape(_core.ops.cast(repeats, int64), (-1,)), (size,)), 0)
        return _core.ops.searchsorted(ends, _core.ops.arange_int(0, 1, output_size, int64), True)
    counts = np.asarray(_core.to_array(_core.detach(repeats))).reshape(-1)
    if counts.size and counts.min() < 0:
        raise RuntimeError(f"[repeat_interleave] repeats has {counts.min()}: it must not be negative")
    return from_array(np.repeat(np.arange(size), counts), int64)


def pad(x: Tensor, pad: Sequence[int], mode: str = "constant", value: Number | None = None) -> Tensor:
    """Surround a tensor by a constant or by its own elements.

    Args:
        pad: (before, after) of the last dimension, then of the one before it, and so on; negative cuts off.
        mode: "constant"; or "reflect", "replicate" or "circular" for the last 1 to 3 dimensions of (channels, ...) or
            (batch, channels, ...).
        value: of the constant; None for 0.

    Raises:
        RuntimeError: `pad` has an odd length or more pairs than dimensions, or is wider than the mode allows.
        NotImplementedError: the mode is unknown, or does not pad so many dimensions.

    Example:
        >>> import pyflame as pf
        >>> pf.pad(pf.tensor([1, 2]), (1, 2), value=9)
        tensor([9, 1, 2, 9, 9])
    """
    if mode != "constant":
        from .layers.padding import MODES, pad_from_inside

        if mode not in MODES:
            raise NotImplementedError(f"[pad] mode is {mode!r}: expected one of {', '.join(MODES)}")
        if value is not None:
            raise RuntimeError(f"[pad] value is {value}: mode {mode!r} takes none")
        return pad_from_inside(x, pad, mode)
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise RuntimeError(
            f"[pad] {len(pad)} numbers for {x.ndim} dimensions: expected a pair for each of the last ones"
        )
    inside = _core.ops.eq(x, x) if value else None
    for place in range(len(pad) // 2):
        dim, (before, after) = x.ndim - 1 - place, pad[2 * place : 2 * place + 2]
        x = _pad_one(x, dim, before, after)
        inside = None if inside is None else _pad_one(inside, dim, before, after)
    if inside is None:
        return x
    inside = _core.ops.logical_or(inside, _core.ops.ne(x, x))  # NaN is not equal to itself
    return _core.ops.where(inside, x, value)


def _pad_one(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    size = x.shape[dim]
    first, last = builtins.max(-before, 0), size - builtins.max(-after, 0)
    if last < first:
        raise RuntimeError(f"[pad] ({before}, {after}) cuts more than the {size} elements of dimension {dim}")
    if last - first < size:
        x = _slice(x, dim, first, 1, last - first)
    if before <= 0 and after <= 0:
        return x
    return _embed(x, dim, builtins.max(before, 0), 1, last - first + builtins.max(before, 0) + builtins.max(after, 0))


concat = cat
concatenate = cat
