"""Logic on truth values and on bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _core
from .direct import direct
from .out import stored

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .._types import Number

_bitwise_and = _core.ops.bitwise_and
_bitwise_left_shift = _core.ops.bitwise_left_shift
_bitwise_not = _core.ops.bitwise_not
_bitwise_or = _core.ops.bitwise_or
_bitwise_right_shift = _core.ops.bitwise_right_shift
_bitwise_xor = _core.ops.bitwise_xor
_logical_and = _core.ops.logical_and
_logical_not = _core.ops.logical_not
_logical_or = _core.ops.logical_or
_logical_xor = _core.ops.logical_xor


@direct
def logical_and(x: Tensor, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Tell where both are non-zero.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.logical_and(pf.tensor([0, 1, 2]), pf.tensor([1, 0, 3]))
        tensor([False, False,  True])
    """
    if out is not None:
        return stored("logical_and", out, logical_and(x, y))
    return _logical_and(x, y)


@direct
def logical_or(x: Tensor, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Tell where at least one is non-zero.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.logical_or(pf.tensor([0, 1, 0]), pf.tensor([1, 0, 0]))
        tensor([ True,  True, False])
    """
    if out is not None:
        return stored("logical_or", out, logical_or(x, y))
    return _logical_or(x, y)


@direct
def logical_xor(x: Tensor, y: Tensor | Number, out: Tensor | None = None) -> Tensor:
    """Tell where exactly one is non-zero.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.logical_xor(pf.tensor([0, 1, 2]), pf.tensor([1, 0, 3]))
        tensor([ True,  True, False])
    """
    if out is not None:
        return stored("logical_xor", out, logical_xor(x, y))
    return _logical_xor(x, y)


@direct
def logical_not(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Tell where elements are zero.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.logical_not(pf.tensor([0, 1, 2]))
        tensor([ True, False, False])
    """
    if out is not None:
        return stored("logical_not", out, logical_not(x))
    return _logical_not(x)


@direct
def bitwise_and(x: Tensor, y: Tensor | int, out: Tensor | None = None) -> Tensor:
    """Combine the bits by and; logical and for bool.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.bitwise_and(pf.tensor([6]), pf.tensor([3]))
        tensor([2])
    """
    if out is not None:
        return stored("bitwise_and", out, bitwise_and(x, y))
    return _bitwise_and(x, y)


@direct
def bitwise_or(x: Tensor, y: Tensor | int, out: Tensor | None = None) -> Tensor:
    """Combine the bits by or; logical or for bool.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.bitwise_or(pf.tensor([6]), pf.tensor([3]))
        tensor([7])
    """
    if out is not None:
        return stored("bitwise_or", out, bitwise_or(x, y))
    return _bitwise_or(x, y)


@direct
def bitwise_xor(x: Tensor, y: Tensor | int, out: Tensor | None = None) -> Tensor:
    """Combine the bits by exclusive or.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.bitwise_xor(pf.tensor([6]), pf.tensor([3]))
        tensor([5])
    """
    if out is not None:
        return stored("bitwise_xor", out, bitwise_xor(x, y))
    return _bitwise_xor(x, y)


@direct
def bitwise_not(x: Tensor, out: Tensor | None = None) -> Tensor:
    """Flip all bits; logical not for bool.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.bitwise_not(pf.tensor([0, 5]))
        tensor([-1, -6])
    """
    if out is not None:
        return stored("bitwise_not", out, bitwise_not(x))
    return _bitwise_not(x)


@direct
def bitwise_left_shift(x: Tensor, y: Tensor | int, out: Tensor | None = None) -> Tensor:
    """Shift the bits to the left.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.bitwise_left_shift(pf.tensor([1, 3]), 2)
        tensor([ 4, 12])
    """
    if out is not None:
        return stored("bitwise_left_shift", out, bitwise_left_shift(x, y))
    return _bitwise_left_shift(x, y)


@direct
def bitwise_right_shift(x: Tensor, y: Tensor | int, out: Tensor | None = None) -> Tensor:
    """Shift the bits to the right, keeping the sign.

    Args:
        out: takes the result instead of a new tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.bitwise_right_shift(pf.tensor([8, -8]), 2)
        tensor([ 2, -2])
    """
    if out is not None:
        return stored("bitwise_right_shift", out, bitwise_right_shift(x, y))
    return _bitwise_right_shift(x, y)
