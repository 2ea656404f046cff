"""Other shapes for the same elements."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .. import _core
from .._size import Size
from .._types import Sizes
from .direct import direct

if TYPE_CHECKING:
    from .._tensor import Tensor

_expand = _core.ops.expand
_permute = _core.ops.permute
_reshape = _core.ops.reshape
_slice = _core.ops.slice


def wrap_dim(op: str, dim: int, ndim: int) -> int:
    """Return a dimension as a number from 0; 0-d tensors count as 1-d."""
    limit = ndim or 1
    if not -limit <= dim < limit:
        raise IndexError(
            f"[{op}] dim {dim} is out of range for a tensor of {ndim} dimensions: expected {-limit} to {limit - 1}"
        )
    return dim % limit


@direct
def reshape(x: Tensor, shape: int | Sequence[int]) -> Tensor:
    """Give another shape to the same elements.

    Args:
        shape: sizes; one of them may be -1, meaning what is left. The method takes them one by one, too.

    Raises:
        RuntimeError: the number of elements differs.

    Example:
        >>> import pyflame as pf
        >>> pf.reshape(pf.arange(6), (2, -1))
        tensor([[0, 1, 2],
                [3, 4, 5]])
    """
    return _reshape(x, shape)


def reshape_method(x: Tensor, *shape: Any) -> Tensor:
    """Give another shape to the same elements; see `pyflame.reshape`.

    Args:
        shape: sizes, as numbers or one tuple; one of them may be -1, meaning what is left.

    Example:
        >>> import pyflame as pf
        >>> pf.arange(6).reshape(3, -1).shape
        pyflame.Size([3, 2])
    """
    return _reshape(x, shape[0] if len(shape) == 1 else shape)


def view(x: Tensor, *shape: Any) -> Tensor:
    """Give another shape to the same elements without copying.

    Args:
        shape: sizes, as numbers or one tuple; one of them may be -1. A dtype is refused.

    Raises:
        RuntimeError: the number of elements differs, or the strides do not allow the shape: use `reshape`.

    Example:
        >>> import pyflame as pf
        >>> pf.arange(6).view(3, 2).shape
        pyflame.Size([3, 2])
    """
    y: Tensor = _reshape(x, shape[0] if len(shape) == 1 else shape)
    if not _core.same_memory(y, x) and y.numel():
        raise RuntimeError(
            f"[view] shape {tuple(y.shape)} does not fit the strides {x.stride()} of x, shape {tuple(x.shape)}: "
            "use reshape, which copies where it must"
        )
    return y


def reshape_as(x: Tensor, other: Tensor) -> Tensor:
    """Give the shape of another tensor to the same elements.

    Example:
        >>> import pyflame as pf
        >>> pf.arange(4).reshape_as(pf.zeros(2, 2)).shape
        pyflame.Size([2, 2])
    """
    return _reshape(x, other.shape)


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join a run of dimensions into one.

    Raises:
        RuntimeError: `start_dim` comes after `end_dim`.

    Example:
        >>> import pyflame as pf
        >>> pf.flatten(pf.zeros(2, 3, 4), start_dim=1).shape
        pyflame.Size([2, 12])
    """
    shape = x.shape
    first, last = wrap_dim("flatten", start_dim, x.ndim), wrap_dim("flatten", end_dim, x.ndim)
    if first > last:
        raise RuntimeError(f"[flatten] start_dim {start_dim} comes after end_dim {end_dim}")
    if shape and first == last:
        return x
    joined = 1
    for size in shape[first : last + 1]:
        joined *= size
    return _reshape(x, (*shape[:first], joined, *shape[last + 1 :]))


def ravel(x: Tensor) -> Tensor:
    """Join all dimensions into one.

    Example:
        >>> import pyflame as pf
        >>> pf.ravel(pf.zeros(2, 3)).shape
        pyflame.Size([6])
    """
    return _reshape(x, (x.numel(),))


def unflatten(x: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split one dimension into several.

    Args:
        sizes: the new sizes; one of them may be -1.

    Raises:
        RuntimeError: the sizes do not multiply up to that of the dimension.

    Example:
        >>> import pyflame as pf
        >>> pf.unflatten(pf.zeros(6, 4), 0, (2, -1)).shape
        pyflame.Size([2, 3, 4])
    """
    dim = wrap_dim("unflatten", dim, x.ndim)
    shape, known = x.shape, 1
    for size in sizes:
        known *= size if size != -1 else 1
    if not x.ndim:
        raise RuntimeError("[unflatten] x is 0-d: it has no dimension to split")
    if -1 in sizes and known:
        sizes = [shape[dim] // known if size == -1 else size for size in sizes]
        known *= shape[dim] // known
    if known != shape[dim]:
        raise RuntimeError(f"[unflatten] sizes {tuple(sizes)} do not multiply up to {shape[dim]} of dim {dim}")
    return _reshape(x, (*shape[:dim], *sizes, *shape[dim + 1 :]))


def squeeze(x: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Drop dimensions of size 1.

    Args:
        dim: only these; those of another size stay.

    Example:
        >>> import pyflame as pf
        >>> pf.squeeze(pf.zeros(1, 3, 1)).shape, pf.squeeze(pf.zeros(1, 3, 1), 0).shape
        (pyflame.Size([3]), pyflame.Size([3, 1]))
    """
    shape = x.shape
    if dim is None:
        return _reshape(x, [size for size in shape if size != 1])
    dims = [wrap_dim("squeeze", d, x.ndim) for d in ((dim,) if isinstance(dim, int) else dim)]
    if len({*dims}) != len(dims):
        raise RuntimeError(f"[squeeze] dim {dim} names a dimension twice")
    return _reshape(x, [size for d, size in enumerate(shape) if size != 1 or d not in dims])


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """Add a dimension of size 1.

    Args:
        dim: where the new dimension is in the result.

    Example:
        >>> import pyflame as pf
        >>> pf.unsqueeze(pf.zeros(3), -1).shape
        pyflame.Size([3, 1])
    """
    dim = wrap_dim("unsqueeze", dim, x.ndim + 1)
    shape = x.shape
    return _reshape(x, (*shape[:dim], 1, *shape[dim:]))


# The order of dimensions for each transposition met, by (ndim, dim0, dim1).
_orders: dict[tuple[int, int, int], tuple[int, ...]] = {}


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Exchange two dimensions.

    Example:
        >>> import pyflame as pf
        >>> pf.transpose(pf.zeros(2, 3, 4), 0, -1).shape
        pyflame.Size([4, 3, 2])
    """
    order = _orders.get((x.ndim, dim0, dim1))
    if order is None:
        dims = list(range(x.ndim))
        a, b = wrap_dim("transpose", dim0, x.ndim), wrap_dim("transpose", dim1, x.ndim)
        if dims:
            dims[a], dims[b] = b, a
        order = _orders[x.ndim, dim0, dim1] = tuple(dims)
    return _permute(x, order)


def t(x: Tensor) -> Tensor:
    """Transpose a matrix; tensors of one or no dimension stay as they are.

    Raises:
        RuntimeError: `x` has more than two dimensions.

    Example:
        >>> import pyflame as pf
        >>> pf.t(pf.tensor([[1, 2], [3, 4]]))
        tensor([[1, 3],
                [2, 4]])
    """
    if x.ndim == 2:
        return _permute(x, (1, 0))
    if x.ndim > 2:
        raise RuntimeError(f"[t] x has {x.ndim} dimensions, expected at most 2: use transpose or permute")
    return _permute(x, tuple(range(x.ndim)))


def permute(x: Tensor, *dims: Any) -> Tensor:
    """Put the dimensions into another order.

    Args:
        dims: for each dimension of the result the dimension of `x` it was, as numbers or one tuple.

    Raises:
        RuntimeError: `dims` is not a permutation.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros(2, 3, 4).permute(2, 0, 1).shape
        pyflame.Size([4, 2, 3])
    """
    order = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    if builtins.min(order, default=0) < 0:
        order = [wrap_dim("permute", dim, x.ndim) for dim in order]
    return _permute(x, order)


def movedim(x: Tensor, source: Sizes, destination: Sizes) -> Tensor:
    """Move dimensions to other places, keeping the order of the rest.

    Raises:
        RuntimeError: source and destination differ in length or name a dimension twice.

    Example:
        >>> import pyflame as pf
        >>> pf.movedim(pf.zeros(2, 3, 4), 0, -1).shape
        pyflame.Size([3, 4, 2])
    """
    pair = [(given,) if isinstance(given, int) else tuple(given) for given in (source, destination)]
    starts, ends = ([wrap_dim("movedim", dim, x.ndim) for dim in given] for given in pair)
    if len(starts) != len(ends) or len({*starts}) != len(starts) or len({*ends}) != len(ends):
        raise RuntimeError(
            f"[movedim] source {source} and destination {destination} must have equal lengths and no repeats"
        )
    rest = [dim for dim in range(x.ndim) if dim not in starts]
    order = dict(zip(ends, starts))
    return _permute(x, [order[dim] if dim in order else rest.pop(0) for dim in range(x.ndim)])


def expand(x: Tensor, *sizes: Any) -> Tensor:
    """Repeat dimensions of size 1 without copying.

    Args:
        sizes: the new shape, as numbers or one tuple; -1 keeps a size. New dimensions may lead.

    Raises:
        RuntimeError: a size other than 1 would change.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([[1], [2]]).expand(-1, 3)
        tensor([[1, 1, 1],
                [2, 2, 2]])
    """
    return _expand(x, sizes[0] if len(sizes) == 1 else sizes)


def expand_as(x: Tensor, other: Tensor) -> Tensor:
    """Repeat dimensions of size 1 to the shape of another tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1, 2]).expand_as(pf.zeros(3, 2)).shape
        pyflame.Size([3, 2])
    """
    return _expand(x, other.shape)


def broadcast_to(x: Tensor, shape: Sequence[int]) -> Tensor:
    """Repeat dimensions of size 1 to a given shape.

    Example:
        >>> import pyflame as pf
        >>> pf.broadcast_to(pf.tensor([1, 2]), (2, 2))
        tensor([[1, 2],
                [1, 2]])
    """
    return _expand(x, shape)


def broadcast_shapes(*shapes: Sizes) -> Any:
    """Return the shape that all broadcast to.

    Raises:
        RuntimeError: two sizes differ and neither is 1.

    Example:
        >>> import pyflame as pf
        >>> pf.broadcast_shapes((2, 1), (3,))
        pyflame.Size([2, 3])
    """
    tuples = [(given,) if isinstance(given, int) else tuple(given) for given in shapes]
    result = [1] * builtins.max((len(given) for given in tuples), default=0)
    for given in tuples:
        for place, size in enumerate(given, len(result) - len(given)):
            if size != 1 and result[place] not in (1, size):
                raise RuntimeError(
                    f"[broadcast_shapes] shapes {shapes} do not broadcast: sizes {result[place]} and {size} differ"
                )
            result[place] = size if size != 1 else result[place]
    return Size(result)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Expand tensors to the shape that all broadcast to.

    Example:
        >>> import pyflame as pf
        >>> [t.shape for t in pf.broadcast_tensors(pf.zeros(2, 1), pf.zeros(3))]
        [pyflame.Size([2, 3]), pyflame.Size([2, 3])]
    """
    shape = broadcast_shapes(*(tensor.shape for tensor in tensors))
    return tuple(_expand(tensor, shape) for tensor in tensors)


def _each(function: Callable[[Tensor], Tensor], tensors: Any) -> Any:
    """The results for several tensors, or of one alone."""
    if len(tensors) == 1 and not isinstance(tensors[0], (list, tuple)):
        return function(tensors[0])
    return tuple(function(x) for x in (tensors[0] if len(tensors) == 1 else tensors))


def atleast_1d(*tensors: Any) -> Any:
    """Give 0-d tensors one dimension.

    Args:
        tensors: one, several, or a list of them; several give a tuple.

    Example:
        >>> import pyflame as pf
        >>> pf.atleast_1d(pf.tensor(3)).shape
        pyflame.Size([1])
    """
    return _each(lambda x: x if x.ndim else _reshape(x, (1,)), tensors)


def atleast_2d(*tensors: Any) -> Any:
    """Give tensors at least two dimensions; vectors become rows.

    Args:
        tensors: one, several, or a list of them; several give a tuple.

    Example:
        >>> import pyflame as pf
        >>> pf.atleast_2d(pf.tensor([1, 2])).shape
        pyflame.Size([1, 2])
    """
    return _each(lambda x: x if x.ndim > 1 else _reshape(x, (1, x.numel())), tensors)


def atleast_3d(*tensors: Any) -> Any:
    """Give tensors at least three dimensions: (n,) becomes (1, n, 1), (n, m) becomes (n, m, 1).

    Args:
        tensors: one, several, or a list of them; several give a tuple.

    Example:
        >>> import pyflame as pf
        >>> pf.atleast_3d(pf.tensor([1, 2])).shape
        pyflame.Size([1, 2, 1])
    """

    def raised(x: Tensor) -> Tensor:
        if x.ndim > 2:
            return x
        return _reshape(x, (*x.shape, 1) if x.ndim == 2 else (1, x.numel(), 1))

    return _each(raised, tensors)


swapaxes = transpose
swapdims = transpose
moveaxis = movedim
