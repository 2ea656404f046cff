"""Ranges, identity matrices and grids."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._types import Number
from ..dtypes import DType, get_default_dtype, int64
from .creation import finish, from_array

if TYPE_CHECKING:
    from .._tensor import Tensor
    from ..layout import MeshLayout

_arange = _core.ops.arange
_arange_int = _core.ops.arange_int
_reshape = _core.ops.reshape


def arange(
    start: Number,
    end: Number | None = None,
    step: Number = 1,
    *,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Count from `start` (0 when only one number is given) up to but without `end`.

    Args:
        dtype: None for int64 if all numbers are integers, else the default dtype.

    Raises:
        RuntimeError: `step` is 0 or leads away from `end`.

    Example:
        >>> import pyflame as pf
        >>> pf.arange(3), pf.arange(0, 1, 0.25)
        (tensor([0, 1, 2]), tensor([0.0000, 0.2500, 0.5000, 0.7500]))
    """
    if end is None:
        start, end = 0, start
    whole = all(isinstance(number, (int, np.integer)) for number in (start, end, step))
    if not step or (end - start) * step < 0:
        raise RuntimeError(f"[arange] step {step} does not lead from {start} to {end}")
    if whole and (dtype is None or not dtype.is_floating_point):
        made = _arange_int(int(start), int(step), -((start - end) // step), dtype or int64)
    else:
        length = math.ceil((end - start) / step)
        made = _arange(float(start), float(step), length, dtype or get_default_dtype())
    return finish(made, layout, device, requires_grad)


def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Space numbers evenly from `start` to `end`, both included.

    Raises:
        RuntimeError: `steps` is negative.

    Example:
        >>> import pyflame as pf
        >>> pf.linspace(0, 1, 5)
        tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    if steps < 0:
        raise RuntimeError(f"[linspace] steps is {steps}: it must not be negative")
    dtype = dtype or get_default_dtype()
    return finish(_host(np.linspace(start, end, steps), dtype), layout, device, requires_grad)


def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    *,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Space exponents evenly: `base ** linspace(start, end, steps)`.

    Example:
        >>> import pyflame as pf
        >>> pf.logspace(0, 2, 3)
        tensor([  1.,  10., 100.])
    """
    if steps < 0:
        raise RuntimeError(f"[logspace] steps is {steps}: it must not be negative")
    values = np.power(base, np.linspace(start, end, steps))
    return finish(_host(values, dtype or get_default_dtype()), layout, device, requires_grad)


def _host(values: np.ndarray[Any, Any], dtype: DType) -> Tensor:
    # Computed in double on the host, so that the end is met exactly.
    if dtype.name == "bfloat16":
        return _core.ops.cast(_host(values, get_default_dtype()), dtype)
    return from_array(values.astype(dtype.to_numpy()), dtype)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make a matrix with ones on the diagonal.

    Args:
        m: number of columns; None for as many as rows.

    Example:
        >>> import pyflame as pf
        >>> pf.eye(2)
        tensor([[1., 0.],
                [0., 1.]])
    """
    rows = _reshape(_arange_int(0, 1, n, int64), (-1, 1))
    made = _core.ops.cast(
        _core.ops.eq(rows, _arange_int(0, 1, n if m is None else m, int64)), dtype or get_default_dtype()
    )
    return finish(made, layout, device, requires_grad)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: DType = int64, device: Any = None) -> Tensor:
    """Return the positions in the lower triangle of a matrix, as rows of row and column numbers.

    Example:
        >>> import pyflame as pf
        >>> pf.tril_indices(2, 2)
        tensor([[0, 1, 1],
                [0, 0, 1]])
    """
    places = np.stack(np.tril_indices(row, offset, col))
    return finish(from_array(places.astype(dtype.to_numpy()), dtype), None, device, False)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: DType = int64, device: Any = None) -> Tensor:
    """Return the positions in the upper triangle of a matrix, as rows of row and column numbers.

    Example:
        >>> import pyflame as pf
        >>> pf.triu_indices(2, 2)
        tensor([[0, 0, 1],
                [0, 1, 1]])
    """
    places = np.stack(np.triu_indices(row, offset, col))
    return finish(from_array(places.astype(dtype.to_numpy()), dtype), None, device, False)


def meshgrid(*tensors: Tensor | Sequence[Tensor], indexing: str = "ij") -> tuple[Tensor, ...]:
    """Expand 1-d tensors over the grid they span.

    Args:
        indexing: "ij", the first tensor varies along the first dimension; "xy" exchanges the first two dimensions.

    Example:
        >>> import pyflame as pf
        >>> pf.meshgrid(pf.tensor([1, 2]), pf.tensor([3, 4]))
        (tensor([[1, 1],
                [2, 2]]), tensor([[3, 4],
                [3, 4]]))
    """
    if indexing not in ("ij", "xy"):
        raise ValueError(f"[meshgrid] indexing is {indexing!r}: expected 'ij' or 'xy'")
    listed: Any = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    flat = [_reshape(x, (-1,)) for x in listed]
    places = list(range(len(flat)))
    if indexing == "xy" and len(flat) > 1:
        places[:2] = 1, 0
    shape = [0] * len(flat)
    for place, x in zip(places, flat):
        shape[place] = x.shape[0]
    return tuple(
        _core.ops.expand(_reshape(x, [-1 if d == place else 1 for d in range(len(flat))]), shape)
        for place, x in zip(places, flat)
    )


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Return all combinations of the elements of 1-d tensors, one per row.

    Example:
        >>> import pyflame as pf
        >>> pf.cartesian_prod(pf.tensor([1, 2]), pf.tensor([3, 4]))
        tensor([[1, 3],
                [1, 4],
                [2, 3],
                [2, 4]])
    """
    if len(tensors) == 1:
        return tensors[0]
    columns = [_reshape(x, (-1, 1)) for x in meshgrid(*tensors)]
    return _core.ops.cat(columns, 1)
