"""Powers of constants, logarithms, roots and what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _core
from .direct import direct
from .out import stored
from .rounding import clamp

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .._types import Number

_digamma = _core.ops.digamma
_erf = _core.ops.erf
_erfc = _core.ops.erfc
_erfinv = _core.ops.erfinv
_exp = _core.ops.exp
_exp2 = _core.ops.exp2
_expm1 = _core.ops.expm1
_hypot = _core.ops.hypot
_lgamma = _core.ops.lgamma
_log = _core.ops.log
_log10 = _core.ops.log10
_log1p = _core.ops.log1p
_log2 = _core.ops.log2
_logaddexp = _core.ops.logaddexp
_logaddexp2 = _core.ops.logaddexp2
_mul = _core.ops.mul
_rsqrt = _core.ops.rsqrt
_sqrt = _core.ops.sqrt
_sub = _core.ops.sub
_xlogy = _core.ops.xlogy


@direct
def exp(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute e to the power of each element.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.exp(pf.tensor([0.0, 1.0]))
        tensor([1.0000, 2.7183])
    """
    if out is not None:
        return stored("exp", out, exp(x))
    return _exp(x)


@direct
def exp2(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute 2 to the power of each element.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.exp2(pf.tensor([0.0, 3.0]))
        tensor([1., 8.])
    """
    if out is not None:
        return stored("exp2", out, exp2(x))
    return _exp2(x)


@direct
def expm1(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute exp(x) - 1 without losing digits near 0.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.expm1(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 1.7183])
    """
    if out is not None:
        return stored("expm1", out, expm1(x))
    return _expm1(x)


@direct
def log(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the natural logarithm.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.log(pf.tensor([1.0, 10.0]))
        tensor([0.0000, 2.3026])
    """
    if out is not None:
        return stored("log", out, log(x))
    return _log(x)


@direct
def log2(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the logarithm to base 2.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.log2(pf.tensor([1.0, 8.0]))
        tensor([0., 3.])
    """
    if out is not None:
        return stored("log2", out, log2(x))
    return _log2(x)


@direct
def log10(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the logarithm to base 10.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.log10(pf.tensor([1.0, 100.0]))
        tensor([0., 2.])
    """
    if out is not None:
        return stored("log10", out, log10(x))
    return _log10(x)


@direct
def log1p(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute log(1 + x) without losing digits near 0.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.log1p(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 0.6931])
    """
    if out is not None:
        return stored("log1p", out, log1p(x))
    return _log1p(x)


@direct
def sqrt(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the square root.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.sqrt(pf.tensor([4.0, 9.0]))
        tensor([2., 3.])
    """
    if out is not None:
        return stored("sqrt", out, sqrt(x))
    return _sqrt(x)


@direct
def rsqrt(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute 1 / sqrt(x).

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.rsqrt(pf.tensor([4.0, 16.0]))
        tensor([0.5000, 0.2500])
    """
    if out is not None:
        return stored("rsqrt", out, rsqrt(x))
    return _rsqrt(x)


@direct
def hypot(x: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the hypotenuse of a right triangle with legs `x` and `y`.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.hypot(pf.tensor([3.0]), pf.tensor([4.0]))
        tensor([5.])
    """
    if out is not None:
        return stored("hypot", out, hypot(x, y))
    return _hypot(x, y)


@direct
def erf(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the error function.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.erf(pf.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8427])
    """
    if out is not None:
        return stored("erf", out, erf(x))
    return _erf(x)


@direct
def erfc(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute 1 - erf(x) without losing digits for large x.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.erfc(pf.tensor([0.0, 1.0]))
        tensor([1.0000, 0.1573])
    """
    if out is not None:
        return stored("erfc", out, erfc(x))
    return _erfc(x)


@direct
def erfinv(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the inverse of the error function.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.erfinv(pf.tensor([0.0, 0.5, 1.0]))
        tensor([0.0000, 0.4769,    inf])
    """
    if out is not None:
        return stored("erfinv", out, erfinv(x))
    return _erfinv(x)


@direct
def lgamma(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the logarithm of the absolute value of the gamma function.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.lgamma(pf.tensor([1.0, 5.0]))
        tensor([0.0000, 3.1781])
    """
    if out is not None:
        return stored("lgamma", out, lgamma(x))
    return _lgamma(x)


@direct
def digamma(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute the derivative of `lgamma`.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.digamma(pf.tensor([1.0, 5.0]))
        tensor([-0.5772,  1.5061])
    """
    if out is not None:
        return stored("digamma", out, digamma(x))
    return _digamma(x)


@direct
def logaddexp(x: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute log(exp(x) + exp(y)) without overflow.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.logaddexp(pf.tensor([0.0]), pf.tensor([0.0]))
        tensor([0.6931])
    """
    if out is not None:
        return stored("logaddexp", out, logaddexp(x, y))
    return _logaddexp(x, y)


@direct
def logaddexp2(x: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute log2(2**x + 2**y) without overflow.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.logaddexp2(pf.tensor([0.0]), pf.tensor([0.0]))
        tensor([1.])
    """
    if out is not None:
        return stored("logaddexp2", out, logaddexp2(x, y))
    return _logaddexp2(x, y)


@direct
def xlogy(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Compute x * log(y), which is 0 where x is 0 and y is a number.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.xlogy(pf.tensor([0.0, 2.0]), pf.tensor([0.0, 1.0]))
        tensor([0., 0.])
    """
    if out is not None:
        return stored("xlogy", out, xlogy(x, y))
    return _xlogy(x, y)


def ldexp(x: Tensor, exponent: Tensor, out: Tensor | None = None) -> Tensor:
    """Compute x * 2**exponent.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.ldexp(pf.tensor([1.0, 3.0]), pf.tensor([1, 2]))
        tensor([ 2., 12.])
    """
    if out is not None:
        return stored("ldexp", out, ldexp(x, exponent))
    if not exponent.dtype.is_floating_point and x.dtype.is_floating_point:
        exponent = _core.ops.cast(exponent, x.dtype)
    return _mul(x, _exp2(exponent))


def logit(x: Tensor, eps: float | None = None, out: Tensor | None = None) -> Tensor:
    """Compute log(x / (1 - x)), the inverse of `sigmoid`.

    Args:
        eps: clamp x to [eps, 1 - eps] first.
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.logit(pf.tensor([0.5, 0.9]))
        tensor([0.0000, 2.1972])
    """
    if out is not None:
        return stored("logit", out, logit(x, eps))
    if eps is not None:
        x = clamp(x, eps, 1.0 - eps)
    return _sub(_log(x), _log1p(_mul(x, -1.0)))
