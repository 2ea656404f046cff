"""Methods that change a tensor.

Values are immutable; a change makes the object stand for a new value. That is the whole truth only while no other
object shares the storage, so on views and on tensors that have views the methods refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from . import _core
from ._core import TensorBase
from ._types import Number
from .ops.creation import as_tensor, constant

if TYPE_CHECKING:
    from ._tensor import Tensor

P = ParamSpec("P")

_alias = _core.ops.alias
_assign = _core.assign
_cast = _core.ops.cast
_shares_storage = _core.shares_storage


def _category(x: Tensor) -> int:
    return 2 if x.dtype.is_floating_point else 1 if x.dtype.code else 0


def write(op: str, x: Tensor, value: Tensor) -> Tensor:
    """Make x stand for `value`, which nobody else holds."""
    if x.requires_grad and x.is_leaf and _core.grad_enabled():
        raise RuntimeError(f"[{op}] a leaf that requires grad cannot be changed in place: wrap the change in no_grad()")
    if value.shape != x.shape:
        raise RuntimeError(
            f"[{op}] the result has shape {tuple(value.shape)}, the tensor {tuple(x.shape)}: it must broadcast to it"
        )
    if value.dtype is not x.dtype:
        if _category(value) > _category(x):
            raise RuntimeError(f"[{op}] the result has dtype {value.dtype.name}, which {x.dtype.name} cannot hold")
        value = _cast(value, x.dtype)
    if _shares_storage(x):
        raise NotImplementedError(
            f"[{op}] changing a tensor that shares storage with a view is not implemented: "
            "change the base before taking views, clone() the view, or use where or scatter_add"
        )
    _assign(x, value)
    return x


def changing(function: Callable[Concatenate[Tensor, P], Tensor]) -> Callable[Concatenate[Tensor, P], Tensor]:
    name = f"{function.__name__}_"

    def method(x: Tensor, /, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        return write(name, x, function(x, *args, **kwargs))

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"Change the tensor to the result of `{function.__name__}`."
    return method


def copy_(x: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Take the values of another tensor, converted and broadcast.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros(2).copy_(pf.tensor([1, 2]))
        tensor([1., 2.])
    """
    value = as_tensor(src)
    value = _cast(value, x.dtype) if value.dtype is not x.dtype else _alias(value)
    return write("copy_", x, value if value.shape == x.shape else _core.ops.expand(value, x.shape))


def fill_(x: Tensor, value: Number | Tensor) -> Tensor:
    """Set every element to one value.

    Raises:
        OverflowError: the value is out of the dtype's range.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros(2).fill_(7)
        tensor([7., 7.])
    """
    if isinstance(value, TensorBase):
        return copy_(x, value)
    return write("fill_", x, constant("fill_", value, x.dtype, x.shape))


def zero_(x: Tensor) -> Tensor:
    """Set every element to 0.

    Example:
        >>> import pyflame as pf
        >>> pf.ones(2).zero_()
        tensor([0., 0.])
    """
    return write("zero_", x, _core.ops.full(0, x.dtype, x.shape))


def detach_(x: Tensor) -> Tensor:
    """Forget the history, so that the tensor becomes a leaf that does not require grad.

    Example:
        >>> import pyflame as pf
        >>> (pf.ones(2, requires_grad=True) * 2).detach_().requires_grad
        False
    """
    if x.requires_grad and x.is_leaf:
        x.requires_grad = False
    else:
        _assign(x, _core.detach(x))
    return x


def augmented(name: str, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """`x += y` and its kind."""

    def method(x: Any, y: Any) -> Any:
        value = function(x, y)
        return value if value is NotImplemented else write(name, x, value)

    method.__name__ = method.__qualname__ = name
    return method
