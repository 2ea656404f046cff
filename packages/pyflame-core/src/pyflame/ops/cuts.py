"""Cutting tensors into views of parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import _core
from .shape import wrap_dim

if TYPE_CHECKING:
    from .._tensor import Tensor

_slice = _core.ops.slice


def _parts(x: Tensor, bounds: Sequence[int], dim: int) -> tuple[Tensor, ...]:
    """The parts between neighbouring bounds, which mean what they mean in Python's slices."""
    size = x.shape[dim]
    parts = []
    for first, last in zip([0, *bounds], [*bounds, size]):
        start, stop, _ = slice(first, last).indices(size)
        parts.append(_slice(x, dim, start, 1, max(0, stop - start)))
    return tuple(parts)


def tensor_split(x: Tensor, indices_or_sections: int | Sequence[int] | Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a dimension into so many parts of nearly equal size, or before given places.

    Args:
        indices_or_sections: a number of parts, of which the first ones are larger by one where the size does not
            divide; or the places of the cuts, as in slices. An integer tensor of no or one dimension works too.

    Raises:
        RuntimeError: `x` is 0-d, or the number of parts is not positive.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor_split(pf.arange(5), 2)
        (tensor([0, 1, 2]), tensor([3, 4]))
        >>> pf.tensor_split(pf.arange(5), (1, 3))
        (tensor([0]), tensor([1, 2]), tensor([3, 4]))
    """
    return _tensor_split("tensor_split", x, indices_or_sections, dim, 1)


def _tensor_split(op: str, x: Tensor, given: Any, dim: int, ndim: int, even: bool = False) -> tuple[Tensor, ...]:
    if x.ndim < ndim:
        raise RuntimeError(f"[{op}] x has {x.ndim} dimensions: expected at least {ndim}")
    dim = wrap_dim(op, dim, x.ndim)
    if isinstance(given, _core.TensorBase):
        if given.dtype.name != "int64" or given.ndim > 1:
            raise RuntimeError(
                f"[{op}] a tensor of cuts is {given.dtype.name} of {given.ndim} dimensions: expected int64, 0-d or 1-d"
            )
        places: Any = _core.to_array(given).tolist()
        given = places
    if not isinstance(given, int):
        return _parts(x, [*given], dim)
    size = x.shape[dim]
    if given < 1:
        raise RuntimeError(f"[{op}] the number of parts is {given}: it must be positive")
    if even and size % given:
        raise RuntimeError(f"[{op}] dimension {dim} of size {size} does not divide into {given} equal parts")
    least, larger = divmod(size, given)
    return _parts(x, [place * least + min(place, larger) for place in range(1, given)], dim)


def hsplit(x: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Cut the second dimension, or the first of a vector, into equal parts or before given places.

    Raises:
        RuntimeError: `x` is 0-d, or the size does not divide.

    Example:
        >>> import pyflame as pf
        >>> pf.hsplit(pf.tensor([[1, 2], [3, 4]]), 2)[0].shape
        pyflame.Size([2, 1])
    """
    return _tensor_split("hsplit", x, indices_or_sections, 0 if x.ndim == 1 else 1, 1, even=True)


def vsplit(x: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Cut the first dimension of a matrix into equal parts or before given places.

    Raises:
        RuntimeError: `x` has fewer than two dimensions, or the size does not divide.

    Example:
        >>> import pyflame as pf
        >>> pf.vsplit(pf.tensor([[1, 2], [3, 4]]), 2)[0].shape
        pyflame.Size([1, 2])
    """
    return _tensor_split("vsplit", x, indices_or_sections, 0, 2, even=True)


def dsplit(x: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Cut the third dimension into equal parts or before given places.

    Raises:
        RuntimeError: `x` has fewer than three dimensions, or the size does not divide.

    Example:
        >>> import pyflame as pf
        >>> pf.dsplit(pf.zeros(1, 2, 4), (1, 2))[2].shape
        pyflame.Size([1, 2, 2])
    """
    return _tensor_split("dsplit", x, indices_or_sections, 2, 3, even=True)
