"""Rounding, signs and bounds."""

from __future__ import annotations

import builtins
import math
from typing import TYPE_CHECKING, Any

from .. import _core
from ..dtypes import finfo, result_type
from .direct import direct
from .half import in_float32
from .out import stored

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .._types import Number

_cast = _core.ops.cast
_ceil = _core.ops.ceil
_copysign = _core.ops.copysign
_eq = _core.ops.eq
_floor = _core.ops.floor
_ge = _core.ops.ge
_gt = _core.ops.gt
_isnan = _core.ops.isnan
_le = _core.ops.le
_logical_or = _core.ops.logical_or
_lt = _core.ops.lt
_maximum = _core.ops.maximum
_minimum = _core.ops.minimum
_mul = _core.ops.mul
_round = _core.ops.round
_sign = _core.ops.sign
_signbit = _core.ops.signbit
_sub = _core.ops.sub
_trunc = _core.ops.trunc
_where = _core.ops.where


@direct
def floor(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Round towards minus infinity.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.floor(pf.tensor([1.5, -1.5]))
        tensor([ 1., -2.])
    """
    if out is not None:
        return stored("floor", out, floor(x))
    return _floor(x)


@direct
def ceil(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Round towards infinity.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.ceil(pf.tensor([1.5, -1.5]))
        tensor([ 2., -1.])
    """
    if out is not None:
        return stored("ceil", out, ceil(x))
    return _ceil(x)


@direct
def trunc(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Round towards zero.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.trunc(pf.tensor([1.5, -1.5]))
        tensor([ 1., -1.])
    """
    if out is not None:
        return stored("trunc", out, trunc(x))
    return _trunc(x)


def round(x: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """Round to the nearest number with so many decimals, halves to even.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.round(pf.tensor([0.5, 1.5, 2.25]))
        tensor([0., 2., 2.])
    """
    if out is not None:
        return stored("round", out, round(x, decimals=decimals))
    if decimals == 0:
        return _round(x)
    if not x.dtype.is_floating_point:
        raise NotImplementedError(f"[round] x is {x.dtype.name}: decimals need a floating-point dtype")
    return _round_to(x, decimals)


@in_float32
def _round_to(x: Tensor, decimals: int) -> Tensor:
    scale = 10.0 ** builtins.abs(decimals)
    if decimals > 0:
        return _core.ops.div(_round(_mul(x, scale)), scale)
    return _mul(_round(_core.ops.div(x, scale)), scale)


def frac(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Return what `trunc` cuts off.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.frac(pf.tensor([1.5, -1.5]))
        tensor([ 0.5000, -0.5000])
    """
    if out is not None:
        return stored("frac", out, frac(x))
    return _sub(x, _trunc(x))


@direct
def sign(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Return -1, 0 or 1.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.sign(pf.tensor([1.5, -1.5, 0.0]))
        tensor([ 1., -1.,  0.])
    """
    if out is not None:
        return stored("sign", out, sign(x))
    return _sign(x)


@direct
def signbit(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Tell whether the sign bit is set, which it is for -0.0 too.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.signbit(pf.tensor([1.5, -0.0]))
        tensor([False,  True])
    """
    if out is not None:
        return stored("signbit", out, signbit(x))
    return _signbit(x)


@direct
def copysign(x: Tensor, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Return the magnitude of `x` with the sign of `y`.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.copysign(pf.tensor([1.0, 2.0]), -1.0)
        tensor([-1., -2.])
    """
    if out is not None:
        return stored("copysign", out, copysign(x, y))
    return _copysign(x, y)


def heaviside(x: Tensor, values: Tensor, out: Tensor | None = None) -> Tensor:
    """Return 0 below zero, 1 above, `values` at zero.

    Args:
        out: takes the result instead of a new tensor.

    Raises:
        RuntimeError: the dtypes differ.

    Example:
        >>> import pyflame as pf
        >>> pf.heaviside(pf.tensor([-2.0, 0.0, 2.0]), pf.tensor(0.5))
        tensor([0.0000, 0.5000, 1.0000])
    """
    if out is not None:
        return stored("heaviside", out, heaviside(x, values))
    if x.dtype is not values.dtype:
        raise RuntimeError(f"[heaviside] x is {x.dtype.name}, values is {values.dtype.name}: must be equal")
    x = _core.detach(x)  # the derivative is not defined at 0
    step = _where(_isnan(x), x, _cast(_gt(x, 0), x.dtype))
    return _where(_eq(x, 0), values, step)


def clamp(
    x: Tensor, min: Tensor | Number | None = None, max: Tensor | Number | None = None, out: Tensor | None = None
) -> Tensor:
    """Move what is outside [min, max] to the nearer bound; NaN stays.

    The gradient passes on the closed interval. Where min > max the result is max.

    Args:
        out: takes the result instead of a new tensor.

    Raises:
        ValueError: neither bound is given.

    Example:
        >>> import pyflame as pf
        >>> pf.clamp(pf.tensor([-2.0, 0.5, 2.0]), -1, 1)
        tensor([-1.0000,  0.5000,  1.0000])
    """
    if out is not None:
        return stored("clamp", out, clamp(x, min, max))
    if min is None and max is None:
        raise ValueError("[clamp] neither min nor max is given: give at least one")
    if isinstance(min, _core.TensorBase) and isinstance(max, _core.TensorBase):
        dtype = result_type(x, min, max)
        x = x if x.dtype is dtype else _cast(x, dtype)
    if min is not None:
        x = _maximum(x, min) if _are_whole(x, min) else _where(_beyond(_lt(x, min), min), min, x)
    if max is not None:
        x = _minimum(x, max) if _are_whole(x, max) else _where(_beyond(_gt(x, max), max), max, x)
    return x


def _are_whole(x: Tensor, bound: Tensor | Number) -> bool:
    """Whether neither has gradients, for which `maximum` shares a tie, or is NaN."""
    if x.dtype.is_floating_point:
        return False
    return not (bound.dtype.is_floating_point if isinstance(bound, _core.TensorBase) else isinstance(bound, float))


def _beyond(outside: Tensor, bound: Any) -> Tensor:
    """A bound that is NaN wins too."""
    if isinstance(bound, _core.TensorBase) and bound.dtype.is_floating_point:
        return _logical_or(outside, _isnan(bound))
    return outside


def clamp_min(x: Tensor, min: Tensor | Number) -> Tensor:
    """Move what is below `min` to it.

    Example:
        >>> import pyflame as pf
        >>> pf.clamp_min(pf.tensor([-2, 2]), 0)
        tensor([0, 2])
    """
    return clamp(x, min)


def clamp_max(x: Tensor, max: Tensor | Number) -> Tensor:
    """Move what is above `max` to it.

    Example:
        >>> import pyflame as pf
        >>> pf.clamp_max(pf.tensor([-2, 2]), 0)
        tensor([-2,  0])
    """
    return clamp(x, max=max)


@direct
def maximum(x: Tensor, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Take the larger of two elements; NaN wins.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.maximum(pf.tensor([1, 5]), pf.tensor([3, 4]))
        tensor([3, 5])
    """
    if out is not None:
        return stored("maximum", out, maximum(x, y))
    return _maximum(x, y)


@direct
def minimum(x: Tensor, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Take the smaller of two elements; NaN wins.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.minimum(pf.tensor([1, 5]), pf.tensor([3, 4]))
        tensor([1, 4])
    """
    if out is not None:
        return stored("minimum", out, minimum(x, y))
    return _minimum(x, y)


def fmax(x: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
    """Take the larger of two elements; NaN loses.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.fmax(pf.tensor([1.0, float("nan")]), pf.tensor([3.0, 4.0]))
        tensor([3., 4.])
    """
    if out is not None:
        return stored("fmax", out, fmax(x, y))
    return _where(_logical_or(_ge(x, y), _isnan(y)), x, y)  # of equal ones the first, which has the gradient


def fmin(x: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
    """Take the smaller of two elements; NaN loses.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.fmin(pf.tensor([1.0, float("nan")]), pf.tensor([3.0, 4.0]))
        tensor([1., 4.])
    """
    if out is not None:
        return stored("fmin", out, fmin(x, y))
    return _where(_logical_or(_le(x, y), _isnan(y)), x, y)


def nan_to_num(
    x: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None, out: Tensor | None = None
) -> Tensor:
    """Replace NaN and the infinities by finite numbers.

    Args:
        posinf: None for the largest number of the dtype.
        neginf: None for the lowest.
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.nan_to_num(pf.tensor([float("nan"), 1.0, float("inf")]), posinf=9.0)
        tensor([0., 1., 9.])
    """
    if out is not None:
        return stored("nan_to_num", out, nan_to_num(x, nan, posinf, neginf))
    if not x.dtype.is_floating_point:
        return _core.ops.alias(x)
    largest = finfo(x.dtype).max
    x = _where(_isnan(x), nan, x)
    x = _where(_eq(x, math.inf), largest if posinf is None else posinf, x)
    return _where(_eq(x, -math.inf), -largest if neginf is None else neginf, x)


clip = clamp
fix = trunc
sgn = sign
