"""Quantiles, between the two nearest elements where they fall between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _core
from .._autocast import float32_inputs
from ..dtypes import float32, float64, int64
from .creation import tensor
from .elementwise import lerp
from .shape import wrap_dim

if TYPE_CHECKING:
    from .._tensor import Tensor

_cast = _core.ops.cast
_expand = _core.ops.expand
_gather = _core.ops.gather
_isnan = _core.ops.isnan
_permute = _core.ops.permute
_reshape = _core.ops.reshape
_sub = _core.ops.sub
_where = _core.ops.where
_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@float32_inputs
def quantile(
    x: Tensor, q: float | Tensor, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Find what a fraction `q` of the elements is below; NaN where there is one.

    Args:
        q: in [0, 1]; for several, 1-d, they become the first dimension of the result.
        dim: None for the flattened tensor.
        interpolation: "linear", "lower", "higher", "midpoint" or "nearest", for what falls between two elements.

    Raises:
        RuntimeError: `x` is not float32 or float64, or empty; `q` is outside [0, 1] or has another dtype.

    Example:
        >>> import pyflame as pf
        >>> pf.quantile(pf.tensor([1.0, 2.0, 3.0, 4.0]), 0.5)
        tensor(2.5000)
    """
    return _quantile("quantile", x, q, dim, keepdim, interpolation)


@float32_inputs
def nanquantile(
    x: Tensor, q: float | Tensor, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Find what a fraction `q` of the elements that are not NaN is below.

    Args:
        q: in [0, 1]; for several, 1-d, they become the first dimension of the result.
        dim: None for the flattened tensor.
        interpolation: "linear", "lower", "higher", "midpoint" or "nearest", for what falls between two elements.

    Raises:
        RuntimeError: `x` is not float32 or float64, or empty; `q` is outside [0, 1] or has another dtype.

    Example:
        >>> import pyflame as pf
        >>> pf.nanquantile(pf.tensor([1.0, float("nan"), 3.0]), 0.5)
        tensor(2.)
    """
    return _quantile("nanquantile", x, q, dim, keepdim, interpolation)


def _quantile(op: str, x: Tensor, q: float | Tensor, dim: int | None, keepdim: bool, interpolation: str) -> Tensor:
    if x.dtype not in (float32, float64):
        raise RuntimeError(f"[{op}] x has dtype {x.dtype.name}: expected float32 or float64")
    if not x.numel():
        raise RuntimeError(f"[{op}] x has shape {tuple(x.shape)}, which is empty: expected elements")
    if interpolation not in _METHODS:
        raise RuntimeError(f"[{op}] interpolation is {interpolation!r}: expected one of {', '.join(_METHODS)}")
    q = _fractions(op, x, q)
    count = q.numel()
    # The dimension of x last, that of q beside it.
    if dim is None:
        kept = [1] * x.ndim if keepdim else []
        lines = _reshape(x, (-1,))
    else:
        dim = wrap_dim(op, dim, x.ndim)
        kept = [1 if d == dim else size for d, size in enumerate(x.shape) if keepdim or d != dim]
        lines = _permute(x, [*(d for d in range(x.ndim) if d != dim), dim]) if x.ndim else _reshape(x, (1,))
    ordered = _core.ops.sort(lines, -1)[0]
    y = _at_ranks(ordered, _ranks(op, ordered, _reshape(q, (-1,))), interpolation)
    y = _permute(y, [y.ndim - 1, *range(y.ndim - 1)])
    return _reshape(y, [count, *kept] if q.ndim else kept)


def _fractions(op: str, x: Tensor, q: float | Tensor) -> Tensor:
    if isinstance(q, (int, float)):
        if not 0 <= q <= 1:
            raise RuntimeError(f"[{op}] q is {q}: expected a number in [0, 1]")
        return tensor(float(q), dtype=x.dtype)
    if q.ndim > 1 or q.dtype is not x.dtype:
        raise RuntimeError(
            f"[{op}] q has shape {tuple(q.shape)} and dtype {q.dtype.name}: expected at most one dimension and "
            f"{x.dtype.name}, the dtype of x"
        )
    return q


def _ranks(op: str, ordered: Tensor, q: Tensor) -> Tensor:
    """Where the fractions of each line are among its sorted elements: (..., len(q))."""
    last = ordered.shape[-1] - 1
    if op == "nanquantile":
        present = _core.ops.sum(_core.ops.logical_not(_isnan(ordered)), -1, True)
        top = _cast(_core.ops.maximum(_sub(present, 1), 0), ordered.dtype)
        return _core.ops.mul(top, q)
    ranks = _expand(_core.ops.mul(q, float(last)), (*ordered.shape[:-1], q.numel()))
    has_nan = _isnan(_core.ops.slice(ordered, ordered.ndim - 1, last, 1, 1))
    return _where(has_nan, float(last), ranks)


def _at_ranks(ordered: Tensor, ranks: Tensor, interpolation: str) -> Tensor:
    axis = ordered.ndim - 1
    rounding = {"lower": _core.ops.floor, "higher": _core.ops.ceil, "nearest": _core.ops.round}.get(interpolation)
    if rounding:
        return _gather(ordered, _cast(rounding(ranks), int64), axis)
    below = _core.ops.floor(ranks)
    low = _gather(ordered, _cast(below, int64), axis)
    high = _gather(ordered, _cast(_core.ops.ceil(ranks), int64), axis)
    weight: Tensor | float = 0.5 if interpolation == "midpoint" else _sub(ranks, below)
    return lerp(low, high, weight)
