"""Comparisons and tests; results are bool."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .. import _core
from ..dtypes import bool_
from .direct import direct
from .out import stored

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .._types import Number

_abs = _core.ops.abs
_all = _core.ops.all
_eq = _core.ops.eq
_ge = _core.ops.ge
_gt = _core.ops.gt
_isfinite = _core.ops.isfinite
_isinf = _core.ops.isinf
_isnan = _core.ops.isnan
_le = _core.ops.le
_logical_and = _core.ops.logical_and
_logical_or = _core.ops.logical_or
_lt = _core.ops.lt
_ne = _core.ops.ne


@direct
def eq(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Tell where x == y.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.eq(pf.tensor([1, 2, 3]), 2)
        tensor([False,  True, False])
    """
    if out is not None:
        return stored("eq", out, eq(x, y))
    return _eq(x, y)


@direct
def ne(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Tell where x != y.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.ne(pf.tensor([1, 2, 3]), 2)
        tensor([ True, False,  True])
    """
    if out is not None:
        return stored("ne", out, ne(x, y))
    return _ne(x, y)


@direct
def lt(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Tell where x < y.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.lt(pf.tensor([1, 2, 3]), 2)
        tensor([ True, False, False])
    """
    if out is not None:
        return stored("lt", out, lt(x, y))
    return _lt(x, y)


@direct
def le(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Tell where x <= y.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.le(pf.tensor([1, 2, 3]), 2)
        tensor([ True,  True, False])
    """
    if out is not None:
        return stored("le", out, le(x, y))
    return _le(x, y)


@direct
def gt(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Tell where x > y.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.gt(pf.tensor([1, 2, 3]), 2)
        tensor([False, False,  True])
    """
    if out is not None:
        return stored("gt", out, gt(x, y))
    return _gt(x, y)


@direct
def ge(x: Tensor | Number, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Tell where x >= y.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.ge(pf.tensor([1, 2, 3]), 2)
        tensor([False,  True,  True])
    """
    if out is not None:
        return stored("ge", out, ge(x, y))
    return _ge(x, y)


@direct
def isnan(x: Tensor) -> Tensor:
    """Tell where elements are NaN.

    Example:
        >>> import pyflame as pf
        >>> pf.isnan(pf.tensor([1.0, float("nan")]))
        tensor([False,  True])
    """
    return _isnan(x)


@direct
def isinf(x: Tensor) -> Tensor:
    """Tell where elements are infinite.

    Example:
        >>> import pyflame as pf
        >>> pf.isinf(pf.tensor([1.0, float("inf")]))
        tensor([False,  True])
    """
    return _isinf(x)


@direct
def isfinite(x: Tensor) -> Tensor:
    """Tell where elements are neither NaN nor infinite.

    Example:
        >>> import pyflame as pf
        >>> pf.isfinite(pf.tensor([1.0, float("inf")]))
        tensor([ True, False])
    """
    return _isfinite(x)


def isposinf(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Tell where elements are plus infinity.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.isposinf(pf.tensor([-float("inf"), float("inf")]))
        tensor([False,  True])
    """
    if out is not None:
        return stored("isposinf", out, isposinf(x))
    return _eq(x, math.inf)


def isneginf(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Tell where elements are minus infinity.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.isneginf(pf.tensor([-float("inf"), float("inf")]))
        tensor([ True, False])
    """
    if out is not None:
        return stored("isneginf", out, isneginf(x))
    return _eq(x, -math.inf)


def isreal(x: Tensor) -> Tensor:
    """Tell where elements are real: everywhere, as there are no complex dtypes.

    Example:
        >>> import pyflame as pf
        >>> pf.isreal(pf.tensor([1.0]))
        tensor([True])
    """
    return _eq(x, x) if not x.dtype.is_floating_point else _logical_or(_eq(x, x), _isnan(x))


def isclose(x: Tensor, y: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Tell where |x - y| <= atol + rtol * |y|.

    Args:
        equal_nan: count two NaN as close.

    Raises:
        RuntimeError: the dtypes differ.

    Example:
        >>> import pyflame as pf
        >>> pf.isclose(pf.tensor([1.0, 2.0]), pf.tensor([1.0, 2.1]))
        tensor([ True, False])
    """
    if isinstance(x, _core.TensorBase) and isinstance(y, _core.TensorBase) and x.dtype is not y.dtype:
        raise RuntimeError(f"[isclose] x is {x.dtype.name}, y is {y.dtype.name}: must be equal")
    if x.dtype is bool_:
        return _eq(x, y)
    near = _le(_abs(x - y), atol + rtol * _abs(y))
    close: Tensor = _logical_or(_eq(x, y), _logical_and(near, _isfinite(y)))
    return _logical_or(close, _logical_and(_isnan(x), _isnan(y))) if equal_nan else close


def allclose(x: Tensor, y: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Tell whether all elements are close, as `isclose` defines it.

    Example:
        >>> import pyflame as pf
        >>> pf.allclose(pf.tensor([1.0, 2.0]), pf.tensor([1.0, 2.1]))
        False
    """
    return bool(_all(isclose(x, y, rtol, atol, equal_nan)))


def equal(x: Tensor, y: Tensor) -> bool:
    """Tell whether two tensors have the same shape and elements.

    Example:
        >>> import pyflame as pf
        >>> pf.equal(pf.tensor([1, 2]), pf.tensor([1, 2]))
        True
    """
    return x.shape == y.shape and bool(_all(_eq(x, y)))


greater = gt
greater_equal = ge
less = lt
less_equal = le
not_equal = ne
