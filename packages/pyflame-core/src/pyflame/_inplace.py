"""Methods that change a tensor.

Values are immutable: a change gives the tensor, and everything that shares its memory, a new one. `_core.write` does
this and refuses what PyTorch refuses; see rfcs/0002-aliasing.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from . import _core
from ._core import TensorBase
from ._types import Number
from .autograd import enable_grad
from .ops.creation import as_tensor, constant

if TYPE_CHECKING:
    from ._tensor import Tensor

P = ParamSpec("P")

_alias = _core.ops.alias
_cast = _core.ops.cast
_grad_enabled = _core.grad_enabled
write = _core.write


def before(x: Tensor) -> Tensor:
    """What an op reads that will change x: a handle of its own, which may be kept for backward after the change."""
    return _alias(x) if _grad_enabled() else x


def changing(function: Callable[Concatenate[Tensor, P], Tensor]) -> Callable[Concatenate[Tensor, P], Tensor]:
    name = f"{function.__name__}_"

    def method(x: Tensor, /, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        return write(name, x, function(before(x), *args, **kwargs))

    method.__name__ = method.__qualname__ = name
    method.__wrapped__ = function  # type: ignore[attr-defined]  # its signature is the method's
    method.__doc__ = f"Change the tensor to the result of `{function.__name__}`."
    return method


def becoming(function: Callable[Concatenate[Tensor, P], Tensor]) -> Callable[Concatenate[Tensor, P], Tensor]:
    """In-place methods that change the shape only: the tensor becomes the view."""
    name = f"{function.__name__}_"

    def method(x: Tensor, /, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        _core.check_history(name, x)
        leaf = x.requires_grad and x.is_leaf
        with enable_grad():  # what requires grad goes on doing so
            view = function(x.detach() if leaf else x, *args, **kwargs)
        if view is not x:
            _core.become(x, view)
            x.requires_grad = x.requires_grad or leaf
        return x

    method.__name__ = method.__qualname__ = name
    method.__wrapped__ = function  # type: ignore[attr-defined]
    method.__doc__ = f"Give the tensor the shape that `{name[:-1]}` returns; the elements stay shared."
    return method


def copied(x: Tensor, src: Any) -> Tensor:
    """The values of `src` as x can take them: converted, broadcast, and of its own."""
    value = as_tensor(src)
    value = _cast(value, x.dtype) if value.dtype is not x.dtype else _alias(value)
    return value if value.shape == x.shape else _core.ops.expand(value, x.shape)


def copy_(x: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Take the values of another tensor, converted and broadcast.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros(2).copy_(pf.tensor([1, 2]))
        tensor([1., 2.])
    """
    if src is x:
        _core.check_history("copy_", x)
        return x
    return _core.overwrite("copy_", x, copied(x, src))


def fill_(x: Tensor, value: Number | Tensor) -> Tensor:
    """Set every element to one value.

    Raises:
        OverflowError: the value is out of the dtype's range.
        RuntimeError: the value is a tensor of more than one element.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros(2).fill_(7)
        tensor([7., 7.])
    """
    if not isinstance(value, TensorBase):
        return _core.fill("fill_", x, constant("fill_", value, x.dtype, x.shape))
    if value.ndim:
        raise RuntimeError(f"[fill_] the value has shape {tuple(value.shape)}: expected a number or a 0-d tensor")
    return _core.fill("fill_", x, copied(x, value))


def fill_diagonal_(x: Tensor, fill_value: Number, wrap: bool = False) -> Tensor:
    """Set the elements whose indices are all equal.

    Args:
        fill_value: what to set them to.
        wrap: in a matrix with more rows than columns, begin again after each block of columns + 1 rows.

    Raises:
        RuntimeError: fewer than two dimensions, or more than two of unequal sizes.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros(2, 2).fill_diagonal_(3)
        tensor([[3., 0.],
                [0., 3.]])
    """
    shape = x.shape
    if len(shape) < 2 or (len(shape) > 2 and len({*shape}) > 1):
        raise RuntimeError(f"[fill_diagonal_] x has shape {tuple(shape)}: expected a matrix, or equal sizes")
    strides, start = _core.window(x)
    length, step = min(shape), sum(strides)
    rows, columns = shape[0], shape[-1]
    blocks = -(-rows // (columns + 1)) if wrap and len(shape) == 2 and rows > columns > 0 else 1
    for block in range(blocks):
        first = block * (columns + 1)
        part = _core.strided_view(x, [min(length, rows - first)], [step], start + first * strides[0])
        write("fill_diagonal_", part, constant("fill_diagonal_", fill_value, x.dtype, part.shape))
    return x


def zero_(x: Tensor) -> Tensor:
    """Set every element to 0.

    Example:
        >>> import pyflame as pf
        >>> pf.ones(2).zero_()
        tensor([0., 0.])
    """
    return _core.fill("zero_", x, _core.ops.full(0, x.dtype, x.shape))


def detach_(x: Tensor) -> Tensor:
    """Forget the history, so that the tensor becomes a leaf that does not require grad.

    Raises:
        RuntimeError: the tensor is a view.

    Example:
        >>> import pyflame as pf
        >>> (pf.ones(2, requires_grad=True) * 2).detach_().requires_grad
        False
    """
    if _core.is_view(x):
        raise RuntimeError("[detach_] a view cannot forget its history in place: use detach()")
    _core.forget_history(x)
    return x


def set_(x: Tensor, source: Tensor) -> Tensor:
    """Become another tensor: its memory, shape and values.

    Raises:
        RuntimeError: the dtypes differ, or a tensor that requires grad would change.

    Example:
        >>> import pyflame as pf
        >>> x, y = pf.zeros(2), pf.ones(3)
        >>> x.set_(y).shape, x.add_(1) is x, y.tolist()
        (pyflame.Size([3]), True, [2.0, 2.0, 2.0])
    """
    if source.dtype is not x.dtype:
        raise RuntimeError(f"[set_] source has dtype {source.dtype.name}, the tensor {x.dtype.name}: they must agree")
    if x.requires_grad and _grad_enabled():
        raise RuntimeError("[set_] a tensor that requires grad cannot be replaced: wrap the change in no_grad()")
    _core.become(x, _core.detach_view(source, True))
    return x


def set_data(x: Tensor, value: Tensor) -> None:
    """What assigning to `data` does: x takes over memory and shape of `value`, and stays the leaf that it was."""
    replacement, grad, wanted = _core.detach_view(value, False), x.grad, x.requires_grad
    if wanted and not x.is_leaf:
        if value.shape != x.shape:
            raise RuntimeError(f"[data] a computed tensor of shape {tuple(x.shape)} cannot become {tuple(value.shape)}")
        with_history = _core.ops.with_history(replacement, x)
        _core.become(x, with_history)
        return
    _core.become(x, replacement)
    x.requires_grad = wanted
    x.grad = grad if grad is None or grad.shape == x.shape else None


def apply_(x: Tensor, function: Callable[[Any], Any]) -> Tensor:
    """Replace each element by what a Python function makes of it; slow, for small tensors.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1.0, 2.0]).apply_(lambda v: v * 10)
        tensor([10., 20.])
    """
    import numpy as np

    from .ops.creation import tensor

    if x.requires_grad:
        raise RuntimeError("[apply_] a Python function has no gradient: call it on detach()")
    values = [function(value) for value in np.array(x).ravel().tolist()]
    return write("apply_", x, tensor(values, dtype=x.dtype).reshape(x.shape))


def map_(x: Tensor, other: Tensor, function: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by what a Python function makes of it and of the element of `other`; slow.

    Args:
        other: broadcasts to x.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1.0, 2.0]).map_(pf.tensor([10.0, 20.0]), lambda a, b: a + b)
        tensor([11., 22.])
    """
    import numpy as np

    from .ops.creation import tensor

    if x.requires_grad:
        raise RuntimeError("[map_] a Python function has no gradient: call it on detach()")
    pairs = zip(np.array(x).ravel().tolist(), np.array(other.expand(x.shape)).ravel().tolist())
    return write("map_", x, tensor([function(a, b) for a, b in pairs], dtype=x.dtype).reshape(x.shape))


def augmented(name: str, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """`x += y` and its kind."""

    def method(x: Any, y: Any) -> Any:
        value = function(before(x), y)
        return value if value is NotImplemented else write(name, x, value)

    method.__name__ = method.__qualname__ = name
    return method
