"""Variance and standard deviation, by two passes over the data."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from .. import _core
from .._types import Dims
from .distance import root
from .half import in_float32
from .out import stored

if TYPE_CHECKING:
    from .._tensor import Tensor

_div = _core.ops.div
_mean = _core.ops.mean
_reshape = _core.ops.reshape
_square = _core.ops.square
_sub = _core.ops.sub
_sum = _core.ops.sum


@in_float32
def _moments(x: Tensor, dim: Dims, correction: float, keepdim: bool, unbiased: bool | None) -> tuple[Tensor, Tensor]:
    if unbiased is not None:
        correction = int(unbiased)
    centre = _mean(x, dim, True)
    total = _sum(_square(_sub(x, centre)), dim, keepdim)
    count = x.numel() / builtins.max(total.numel(), 1)
    # Too few elements divide by zero, which gives NaN.
    variance = _div(total, builtins.max(count - correction, 0.0))
    return variance, centre if keepdim else _reshape(centre, total.shape)


@in_float32
def _deviation(x: Tensor, dim: Dims, correction: float, keepdim: bool, unbiased: bool | None) -> tuple[Tensor, Tensor]:
    variance, centre = _moments(x, dim, correction, keepdim, unbiased)
    return root(variance), centre


def var(
    x: Tensor,
    dim: Dims = None,
    *,
    correction: float = 1,
    keepdim: bool = False,
    unbiased: bool | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Compute the variance.

    Args:
        correction: what is taken from the number of elements before dividing by it.
        unbiased: the older spelling of correction=1 (True) and correction=0 (False).
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.var(pf.tensor([1.0, 2.0, 3.0])), pf.var(pf.tensor([1.0, 2.0, 3.0]), correction=0)
        (tensor(1.), tensor(0.6667))
    """
    if out is not None:
        return stored("var", out, var(x, dim, correction=correction, keepdim=keepdim, unbiased=unbiased))
    return _moments(x, dim, correction, keepdim, unbiased)[0]


def std(
    x: Tensor,
    dim: Dims = None,
    *,
    correction: float = 1,
    keepdim: bool = False,
    unbiased: bool | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Compute the standard deviation, the square root of `var`.

    Args:
        correction: what is taken from the number of elements before dividing by it.
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.std(pf.tensor([1.0, 2.0, 3.0]))
        tensor(1.)
    """
    if out is not None:
        return stored("std", out, std(x, dim, correction=correction, keepdim=keepdim, unbiased=unbiased))
    return _deviation(x, dim, correction, keepdim, unbiased)[0]


def var_mean(
    x: Tensor, dim: Dims = None, *, correction: float = 1, keepdim: bool = False, unbiased: bool | None = None
) -> tuple[Tensor, Tensor]:
    """Compute the variance and the mean.

    Example:
        >>> import pyflame as pf
        >>> pf.var_mean(pf.tensor([1.0, 2.0, 3.0]))
        (tensor(1.), tensor(2.))
    """
    return _moments(x, dim, correction, keepdim, unbiased)


def std_mean(
    x: Tensor, dim: Dims = None, *, correction: float = 1, keepdim: bool = False, unbiased: bool | None = None
) -> tuple[Tensor, Tensor]:
    """Compute the standard deviation and the mean.

    Example:
        >>> import pyflame as pf
        >>> pf.std_mean(pf.tensor([1.0, 2.0, 3.0]))
        (tensor(1.), tensor(2.))
    """
    return _deviation(x, dim, correction, keepdim, unbiased)
