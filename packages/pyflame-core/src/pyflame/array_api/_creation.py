"""Creation functions with the standard's signatures."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from .. import ops
from .._tensor import Tensor
from ..dtypes import DType, get_default_dtype, int64

Shape: TypeAlias = "int | tuple[int, ...]"


def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: DType | None = None,
    device: Any = None,
) -> Tensor:
    """Count from `start` (0 if it is the only number) to below `stop`.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.arange(3)
        tensor([0, 1, 2])
    """
    if stop is None:
        start, stop = 0, start
    if (stop - start) * step <= 0:
        kind = int64 if all(isinstance(bound, int) for bound in (start, stop, step)) else get_default_dtype()
        return ops.empty((0,), dtype=dtype or kind, device=device)
    return ops.arange(start, stop, step, dtype=dtype, device=device)


def asarray(obj: Any, /, *, dtype: DType | None = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """Convert numbers, nested sequences or arrays.

    Raises:
        ValueError: `copy` is False, and only a copy can be had.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.asarray([1.0, 2.0])
        tensor([1., 2.])
    """
    if isinstance(obj, Tensor):
        if dtype is not None and dtype is not obj.dtype:
            if copy is False:
                raise ValueError(f"[asarray] converting {obj.dtype.name} to {dtype.name} takes a copy: copy is False")
            return obj.to(dtype)
        return obj.clone() if copy else obj
    if copy is False:
        raise ValueError(f"[asarray] {type(obj).__name__} cannot be shared: copy is False")
    return ops.tensor(obj, dtype=dtype, device=device)


def empty(shape: Shape, *, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Make an array whose values do not matter."""
    return ops.empty(shape, dtype=dtype, device=device)


def empty_like(x: Tensor, /, *, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Make an array of another's shape whose values do not matter."""
    return ops.empty(x.shape, dtype=dtype or x.dtype, device=device)


def eye(
    n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: DType | None = None, device: Any = None
) -> Tensor:
    """Make a matrix with ones on a diagonal: `k` above the main one.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.eye(2, k=1)
        tensor([[0., 1.],
                [0., 0.]])
    """
    n_cols = n_rows if n_cols is None else n_cols
    k = max(-n_rows, min(k, n_cols))  # further off the result is the same, and small numbers fit
    rows, columns = ops.arange(n_rows).reshape(n_rows, 1), ops.arange(n_cols)
    return (columns - rows == k).to(dtype or get_default_dtype())


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """Take over an array of another library by the DLPack protocol, as a copy.

    Raises:
        ValueError: `copy` is False.
    """
    if copy is False:
        raise ValueError("[from_dlpack] arrays of other libraries may change and are copied: copy is False")
    return ops.tensor(np.from_dlpack(x), device=device)


def full(shape: Shape, fill_value: float, *, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Fill a shape with one value.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.full((2,), True)
        tensor([True, True])
    """
    return ops.full((shape,) if isinstance(shape, int) else shape, fill_value, dtype=dtype, device=device)


def full_like(x: Tensor, /, fill_value: float, *, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Fill the shape of another array with one value."""
    return full(tuple(x.shape), fill_value, dtype=dtype or x.dtype, device=device)


def linspace(
    start: float,
    stop: float,
    /,
    num: int,
    *,
    dtype: DType | None = None,
    device: Any = None,
    endpoint: bool = True,
) -> Tensor:
    """Space numbers evenly from `start` to `stop`, which is left out unless `endpoint`.

    Example:
        >>> from pyflame import array_api as xp
        >>> xp.linspace(0, 1, 4, endpoint=False)
        tensor([0.0000, 0.2500, 0.5000, 0.7500])
    """
    if endpoint or not num:
        return ops.linspace(start, stop, num, dtype=dtype, device=device)
    return ops.narrow(ops.linspace(start, stop, num + 1, dtype=dtype, device=device), 0, 0, num)


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> list[Tensor]:
    """Return the coordinates of a grid, one array per axis.

    Raises:
        ValueError: the arrays differ in dtype.
    """
    if len({x.dtype for x in arrays}) > 1:
        raise ValueError(f"[meshgrid] dtypes differ: {', '.join(x.dtype.name for x in arrays)}")
    return list(ops.meshgrid(*arrays, indexing=indexing)) if arrays else []


def ones(shape: Shape, *, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Fill a shape with ones."""
    return ops.ones(shape, dtype=dtype, device=device)


def ones_like(x: Tensor, /, *, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Fill the shape of another array with ones."""
    return ops.ones(x.shape, dtype=dtype or x.dtype, device=device)


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """Keep what is on or below a diagonal."""
    return ops.tril(x, k)


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """Keep what is on or above a diagonal."""
    return ops.triu(x, k)


def zeros(shape: Shape, *, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Fill a shape with zeros."""
    return ops.zeros(shape, dtype=dtype, device=device)


def zeros_like(x: Tensor, /, *, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Fill the shape of another array with zeros."""
    return ops.zeros(x.shape, dtype=dtype or x.dtype, device=device)
