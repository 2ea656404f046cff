"""Questions about objects and tensors whose answers are Python values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._core import TensorBase

if TYPE_CHECKING:
    from ._tensor import Tensor


def is_tensor(obj: Any) -> bool:
    """Tell whether an object is a tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.is_tensor(pf.ones(1)), pf.is_tensor([1.0])
        (True, False)
    """
    return isinstance(obj, TensorBase)


def is_floating_point(x: Tensor) -> bool:
    """Tell whether a tensor's dtype is floating-point.

    Raises:
        TypeError: `x` is not a tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.is_floating_point(pf.ones(1)), pf.is_floating_point(pf.arange(3))
        (True, False)
    """
    return _tensor("is_floating_point", x).dtype.is_floating_point


def is_nonzero(x: Tensor) -> bool:
    """Tell whether the only element of a tensor differs from zero.

    Raises:
        TypeError: `x` is not a tensor.
        RuntimeError: it has no element, or several.

    Example:
        >>> import pyflame as pf
        >>> pf.is_nonzero(pf.tensor([0.0])), pf.is_nonzero(pf.tensor(True))
        (False, True)
    """
    return bool(_tensor("is_nonzero", x))


def is_same_size(x: Tensor, y: Tensor) -> bool:
    """Tell whether two tensors have the same shape.

    Raises:
        TypeError: one of them is not a tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.is_same_size(pf.ones(2, 3), pf.zeros(2, 3)), pf.is_same_size(pf.ones(2), pf.ones(1, 2))
        (True, False)
    """
    return _tensor("is_same_size", x).shape == _tensor("is_same_size", y).shape


def typename(obj: Any) -> str:
    """Return the name of an object's type with its module; built-in types go without.

    Example:
        >>> import pyflame as pf
        >>> pf.typename(pf.ones(1)), pf.typename(3)
        ('pyflame.Tensor', 'int')
    """
    kind = obj if isinstance(obj, type) else type(obj)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _tensor(op: str, x: Any) -> TensorBase:
    if not isinstance(x, TensorBase):
        raise TypeError(f"[{op}] expected a Tensor, got {type(x).__name__}")
    return x
