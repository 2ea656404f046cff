"""Circular and hyperbolic functions; angles are in radians."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

from .. import _core

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


def sin(x: Tensor) -> Tensor:
    """Compute the sine.

    Example:
        >>> import pyflame as pf
        >>> pf.sin(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8415])
    """
    return _sin(x)


def cos(x: Tensor) -> Tensor:
    """Compute the cosine.

    Example:
        >>> import pyflame as pf
        >>> pf.cos(pf.tensor([0.0, 1.0]))
        tensor([1.0000, 0.5403])
    """
    return _cos(x)


def tan(x: Tensor) -> Tensor:
    """Compute the tangent.

    Example:
        >>> import pyflame as pf
        >>> pf.tan(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 1.5574])
    """
    return _tan(x)


def asin(x: Tensor) -> Tensor:
    """Compute the inverse sine.

    Example:
        >>> import pyflame as pf
        >>> pf.asin(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 1.5708])
    """
    return _asin(x)


def acos(x: Tensor) -> Tensor:
    """Compute the inverse cosine.

    Example:
        >>> import pyflame as pf
        >>> pf.acos(pf.tensor([0.0, 1.0]))
        tensor([1.5708, 0.0000])
    """
    return _acos(x)


def atan(x: Tensor) -> Tensor:
    """Compute the inverse tangent.

    Example:
        >>> import pyflame as pf
        >>> pf.atan(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7854])
    """
    return _atan(x)


def sinh(x: Tensor) -> Tensor:
    """Compute the hyperbolic sine.

    Example:
        >>> import pyflame as pf
        >>> pf.sinh(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 1.1752])
    """
    return _sinh(x)


def cosh(x: Tensor) -> Tensor:
    """Compute the hyperbolic cosine.

    Example:
        >>> import pyflame as pf
        >>> pf.cosh(pf.tensor([0.0, 1.0]))
        tensor([1.0000, 1.5431])
    """
    return _cosh(x)


def tanh(x: Tensor) -> Tensor:
    """Compute the hyperbolic tangent.

    Example:
        >>> import pyflame as pf
        >>> pf.tanh(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7616])
    """
    return _tanh(x)


def asinh(x: Tensor) -> Tensor:
    """Compute the inverse hyperbolic sine.

    Example:
        >>> import pyflame as pf
        >>> pf.asinh(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8814])
    """
    return _asinh(x)


def acosh(x: Tensor) -> Tensor:
    """Compute the inverse hyperbolic cosine.

    Example:
        >>> import pyflame as pf
        >>> pf.acosh(pf.tensor([1.0, 2.0]))
        tensor([0.0000, 1.3170])
    """
    return _acosh(x)


def atanh(x: Tensor) -> Tensor:
    """Compute the inverse hyperbolic tangent.

    Example:
        >>> import pyflame as pf
        >>> pf.atanh(pf.tensor([0.0, 0.5]))
        tensor([0.0000, 0.5493])
    """
    return _atanh(x)


def atan2(y: Tensor, x: Tensor) -> Tensor:
    """Compute the angle of the point (x, y), in (-pi, pi].

    Example:
        >>> import pyflame as pf
        >>> pf.atan2(pf.tensor([1.0]), pf.tensor([1.0]))
        tensor([0.7854])
    """
    return _atan2(y, x)


def sinc(x: Tensor) -> Tensor:
    """Compute sin(pi x) / (pi x), which is 1 at 0.

    Example:
        >>> import pyflame as pf
        >>> pf.sinc(pf.tensor([0.0, 0.5]))
        tensor([1.0000, 0.6366])
    """
    zero = _eq(x, 0)
    angle = _mul(_where(zero, 1.0, x), pi)  # the division is kept away from 0, for the gradient's sake
    return _where(zero, 1.0, _div(_sin(angle), angle))


def deg2rad(x: Tensor) -> Tensor:
    """Convert degrees to radians.

    Example:
        >>> import pyflame as pf
        >>> pf.deg2rad(pf.tensor([180.0]))
        tensor([3.1416])
    """
    return _mul(x, pi / 180.0)


def rad2deg(x: Tensor) -> Tensor:
    """Convert radians to degrees.

    Example:
        >>> import pyflame as pf
        >>> pf.rad2deg(pf.tensor([3.14159265]))
        tensor([180.])
    """
    return _mul(x, 180.0 / pi)


arccos = acos
arccosh = acosh
arcsin = asin
arcsinh = asinh
arctan = atan
arctan2 = atan2
arctanh = atanh
