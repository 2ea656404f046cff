"""Circular and hyperbolic functions; angles are in radians."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

from .. import _core
from .direct import direct
from .out import stored

if TYPE_CHECKING:
    from .._tensor import Tensor

_sin = _core.ops.sin
_cos = _core.ops.cos
_tan = _core.ops.tan
_asin = _core.ops.asin


_acos = _core.ops.acos
_atan = _core.ops.atan
_sinh = _core.ops.sinh
_cosh = _core.ops.cosh
_tanh = _core.ops.tanh
_asinh = _core.ops.asinh
_acosh = _core.ops.acosh
_atanh = _core.ops.atanh
_atan2 = _core.ops.atan2
_div = _core.ops.div
_eq = _core.ops.eq
_mul = _core.ops.mul
_where = _core.ops.where


@direct
def sin(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the sine.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.sin(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8415])
    """
    if out is not None:
        return stored("sin", out, sin(x))
    return _sin(x)


@direct
def cos(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the cosine.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.cos(pf.tensor([0.0, 1.0]))
        tensor([1.0000, 0.5403])
    """
    if out is not None:
        return stored("cos", out, cos(x))
    return _cos(x)


@direct
def tan(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the tangent.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.tan(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 1.5574])
    """
    if out is not None:
        return stored("tan", out, tan(x))
    return _tan(x)


@direct
def asin(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the inverse sine.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.asin(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 1.5708])
    """
    if out is not None:
        return stored("asin", out, asin(x))
    return _asin(x)


@direct
def acos(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the inverse cosine.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.acos(pf.tensor([0.0, 1.0]))
        tensor([1.5708, 0.0000])
    """
    if out is not None:
        return stored("acos", out, acos(x))
    return _acos(x)


@direct
def atan(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the inverse tangent.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.atan(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7854])
    """
    if out is not None:
        return stored("atan", out, atan(x))
    return _atan(x)


@direct
def sinh(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the hyperbolic sine.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.sinh(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 1.1752])
    """
    if out is not None:
        return stored("sinh", out, sinh(x))
    return _sinh(x)


@direct
def cosh(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the hyperbolic cosine.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.cosh(pf.tensor([0.0, 1.0]))
        tensor([1.0000, 1.5431])
    """
    if out is not None:
        return stored("cosh", out, cosh(x))
    return _cosh(x)


@direct
def tanh(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the hyperbolic tangent.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.tanh(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7616])
    """
    if out is not None:
        return stored("tanh", out, tanh(x))
    return _tanh(x)


@direct
def asinh(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the inverse hyperbolic sine.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.asinh(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8814])
    """
    if out is not None:
        return stored("asinh", out, asinh(x))
    return _asinh(x)


@direct
def acosh(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the inverse hyperbolic cosine.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.acosh(pf.tensor([1.0, 2.0]))
        tensor([0.0000, 1.3170])
    """
    if out is not None:
        return stored("acosh", out, acosh(x))
    return _acosh(x)


@direct
def atanh(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the inverse hyperbolic tangent.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.atanh(pf.tensor([0.0, 0.5]))
        tensor([0.0000, 0.5493])
    """
    if out is not None:
        return stored("atanh", out, atanh(x))
    return _atanh(x)


@direct
def atan2(y: Tensor, x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the angle of the point (x, y), in (-pi, pi].

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.atan2(pf.tensor([1.0]), pf.tensor([1.0]))
        tensor([0.7854])
    """
    if out is not None:
        return stored("atan2", out, atan2(y, x))
    return _atan2(y, x)


def sinc(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute sin(pi x) / (pi x), which is 1 at 0.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.sinc(pf.tensor([0.0, 0.5]))
        tensor([1.0000, 0.6366])
    """
    if out is not None:
        return stored("sinc", out, sinc(x))
    zero = _eq(x, 0)
    angle = _mul(_where(zero, 1.0, x), pi)  # the division is kept away from 0, for the gradient's sake
    return _where(zero, 1.0, _div(_sin(angle), angle))


def deg2rad(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Convert degrees to radians.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.deg2rad(pf.tensor([180.0]))
        tensor([3.1416])
    """
    if out is not None:
        return stored("deg2rad", out, deg2rad(x))
    return _mul(x, pi / 180.0)


def rad2deg(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Convert radians to degrees.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.rad2deg(pf.tensor([3.14159265]))
        tensor([180.])
    """
    if out is not None:
        return stored("rad2deg", out, rad2deg(x))
    return _mul(x, 180.0 / pi)


arccos = acos
arccosh = acosh
arcsin = asin
arcsinh = asinh
arctan = atan
arctan2 = atan2
arctanh = atanh
