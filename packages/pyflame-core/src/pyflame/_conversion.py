"""Tensors to NumPy, to Python, to other dtypes, and to bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from . import _core
from ._core import TensorBase
from ._types import Array
from .dtypes import (
    DType,
    bfloat16,
    bool_,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)

if TYPE_CHECKING:
    from ._tensor import Tensor
    from .layout import MeshLayout

Convert: TypeAlias = "Callable[[Tensor], Tensor]"

_alias = _core.ops.alias
_cast = _core.ops.cast


def host(x: Tensor) -> Array:
    """A read-only array; bfloat16, which NumPy lacks, as a copy in float32."""
    if x.dtype is bfloat16:
        x = _cast(x, float32)
    return _core.to_array(x)


def numpy(x: Tensor, *, force: bool = False) -> Array:
    """Return the values as a read-only NumPy array sharing the tensor's memory.

    Args:
        force: return a writable copy, also where `requires_grad` forbids the rest.

    Raises:
        RuntimeError: the tensor requires grad.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1.0, 2.0]).numpy()
        array([1., 2.], dtype=float32)
    """
    if force:
        return host(x).copy()
    if x.requires_grad:
        raise RuntimeError("[numpy] the tensor requires grad: use detach().numpy()")
    return host(x)


def as_array(x: Tensor, dtype: Any = None, copy: bool | None = None) -> Array:
    if x.requires_grad:
        raise RuntimeError("[numpy] the tensor requires grad: use detach().numpy()")
    array = host(x)
    if dtype is not None and array.dtype != dtype:
        if copy is False:
            raise ValueError(
                f"[numpy] converting {array.dtype} to {np.dtype(dtype)} needs a copy, which copy=False forbids"
            )
        return array.astype(dtype)
    return array.copy() if copy else array


def item(x: Tensor) -> Any:
    """Return the value of a tensor of one element as a Python number.

    Raises:
        RuntimeError: the tensor has another number of elements.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([2.5]).item()
        2.5
    """
    if x.ndim and x.numel() != 1:
        raise RuntimeError(f"[item] x has shape {tuple(x.shape)}: expected one element; see tolist()")
    return _core.item(x)


def tolist(x: Tensor) -> Any:
    """Return the values as nested lists, or as a number for a 0-d tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([[1, 2], [3, 4]]).tolist()
        [[1, 2], [3, 4]]
    """
    return host(x).tolist()


def cast(x: Tensor, dtype: DType) -> Tensor:
    """Convert to a dtype; floats are truncated to integers.

    Example:
        >>> import pyflame as pf
        >>> pf.cast(pf.tensor([1.5, -1.5]), pf.int32)
        tensor([ 1, -1], dtype=pyflame.int32)
    """
    return x if dtype is x.dtype else _cast(x, dtype)


def to(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Convert dtype or layout; return the tensor itself when nothing changes.

    Args:
        args: a dtype, a device ("cpu"), a `MeshLayout`, or a tensor whose dtype is taken.
        kwargs: `dtype`, `device`, `layout`; `copy=True` always makes a new tensor; `non_blocking` has no effect.

    Raises:
        RuntimeError: the device is not available.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1, 2]).to(pf.float16)
        tensor([1., 2.], dtype=pyflame.float16)
    """
    if len(args) == 1 and not kwargs and isinstance(args[0], DType):
        return cast(x, args[0])
    from ._device import device as device_type
    from ._layouts import to_layout
    from .layout import MeshLayout

    dtype: DType | None = kwargs.pop("dtype", None)
    layout: MeshLayout | None = kwargs.pop("layout", None)
    place = kwargs.pop("device", None)
    copy = kwargs.pop("copy", False)
    kwargs.pop("non_blocking", None)
    if kwargs:
        raise TypeError(f"[to] has no argument {next(iter(kwargs))}")
    for arg in args:
        if isinstance(arg, DType):
            dtype = arg
        elif isinstance(arg, TensorBase):
            dtype = arg.dtype
        elif isinstance(arg, MeshLayout):
            layout = arg
        elif isinstance(arg, (str, device_type)):
            place = arg
        elif arg is not None and not isinstance(arg, bool):
            raise TypeError(f"[to] cannot convert to {type(arg).__name__}: expected a dtype, device, layout or tensor")
    if place is not None:
        device_type(str(place))
    y = x if dtype is None else cast(x, dtype)
    y = y if layout is None else to_layout(y, layout)
    return _alias(x) if copy and y is x else y


def type_as(x: Tensor, other: Tensor) -> Tensor:
    """Convert to the dtype of another tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1]).type_as(pf.ones(1)).dtype
        pyflame.float32
    """
    return cast(x, other.dtype)


def type_of(x: Tensor, dtype: DType | None = None) -> Any:
    """Convert to a dtype; without one return the name of the dtype.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1]).type()
        'pyflame.int64'
    """
    return str(x.dtype) if dtype is None else cast(x, dtype)


def _converter(name: str, dtype: DType) -> Convert:
    def convert(x: Tensor) -> Tensor:
        return x if x.dtype is dtype else _cast(x, dtype)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"Convert to {dtype.name}; return the tensor itself when it is that already."
    return convert


def refuse_device(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Refuse: there is no such device.

    Raises:
        RuntimeError: always, naming what to use instead.
    """
    raise RuntimeError(
        "[device] tensors live on cpu: choose a backend with pyflame.set_device, placement with MeshLayout"
    )


def _of_kind(kind: Any, x: Tensor, requires_grad: bool) -> Any:
    return kind.__new__(kind, x, requires_grad)


def rebuild(kind: Any, array: Array, code: int, requires_grad: bool, state: Any) -> Tensor:
    """Make the tensor that `reduce` took apart."""
    x = _core.from_array(np.ascontiguousarray(array).reshape(array.shape), code, False)
    if kind is not TensorBase:
        x = _of_kind(kind, x, requires_grad)
        if state:
            x.__dict__.update(state)
    elif requires_grad:
        x.requires_grad = True
    return x


def reduce(x: Tensor, protocol: Any = None) -> tuple[Any, ...]:
    if not x.is_leaf:
        raise RuntimeError(
            "[pickle] a computed tensor that requires grad cannot be copied or pickled: use detach() first"
        )
    array = np.array(_core.to_array(x))  # bfloat16 as the bits, in uint16
    return rebuild, (type(x), array, x.dtype.code, x.requires_grad, getattr(x, "__dict__", None))


def deepcopy(x: Tensor, memo: dict[int, Any]) -> Tensor:
    if not x.is_leaf:
        raise RuntimeError("[deepcopy] only leaves can be copied deeply: use detach() or clone() for a computed tensor")
    if id(x) in memo:
        return memo[id(x)]
    with_grad = x.requires_grad
    y = _alias(_core.detach(x))
    if type(x) is not TensorBase:
        y = _of_kind(type(x), y, with_grad)
    elif with_grad:
        y.requires_grad = True
    memo[id(x)] = y
    state = getattr(x, "__dict__", None)
    if state:
        from copy import deepcopy as copy_state

        y.__dict__.update(copy_state(state, memo))
    if x.grad is not None:
        y.grad = _alias(_core.detach(x.grad))
    return y


to_bfloat16: Convert = _converter("bfloat16", bfloat16)
to_bool: Convert = _converter("bool", bool_)
to_byte: Convert = _converter("byte", uint8)
to_char: Convert = _converter("char", int8)
to_double: Convert = _converter("double", float64)
to_float: Convert = _converter("float", float32)
to_half: Convert = _converter("half", float16)
to_int: Convert = _converter("int", int32)
to_long: Convert = _converter("long", int64)
to_short: Convert = _converter("short", int16)


def shallow_copy(x: Tensor) -> Tensor:
    """What `copy.copy` does: another object for the same values."""
    if type(x) is TensorBase and not x.is_leaf:
        return _alias(x)
    y = _alias(_core.detach(x))
    if type(x) is not TensorBase:
        y = _of_kind(type(x), y, x.requires_grad)
        y.__dict__.update(x.__dict__)
    elif x.requires_grad:
        y.requires_grad = True
    return y
