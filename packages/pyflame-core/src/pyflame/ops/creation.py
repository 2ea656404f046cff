"""Tensors from values: data, constants and sequences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._layouts import apply_layout
from .._types import Array, Number
from ..dtypes import DType, bfloat16, float32, from_numpy_dtype, get_default_dtype, iinfo

if TYPE_CHECKING:
    from .._tensor import Tensor
    from ..layout import MeshLayout
else:
    Tensor = _core.TensorBase

_full = _core.ops.full


def from_array(array: Array, dtype: DType) -> Tensor:
    """Copy a NumPy array of the dtype's own NumPy type."""
    return _core.from_array(np.ascontiguousarray(array).reshape(array.shape), dtype.code, False)


def finish(x: Tensor, layout: MeshLayout | None, device: Any, requires_grad: bool) -> Tensor:
    """Apply what every factory takes beside shape and dtype."""
    if device is not None and str(device) != "cpu":
        raise RuntimeError(f"[device] {device} is not available: tensors live on cpu; see set_device for backends")
    if layout is not None:
        x = apply_layout(x, layout)
    if requires_grad:
        x.requires_grad = True
    return x


def _first_leaf(data: Any) -> Any:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def _check_range(op: str, array: Array, dtype: DType) -> None:
    """NumPy wraps integers silently on conversion; PyTorch and we do not."""
    if array.size and 0 < dtype.code < 6 and array.dtype.kind in "iu":
        limits, low, high = iinfo(dtype), array.min(), array.max()
        if low < limits.min or high > limits.max:
            value = low if low < limits.min else high
            raise OverflowError(f"[{op}] {value} is out of range for {dtype.name}: {limits.min} to {limits.max}")


def _host_array(op: str, data: Any, dtype: DType | None) -> Array:
    if isinstance(data, (np.ndarray, np.generic)):
        return np.asarray(data)
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(f"[{op}] the nested lists do not form a regular array: {error}") from None
    if array.dtype.kind == "O":
        raise TypeError(f"[{op}] cannot make a tensor of {type(_first_leaf(data)).__name__}: expected numbers")
    if array.dtype.kind == "u" and array.dtype.itemsize == 8:
        raise OverflowError(f"[{op}] {array.max()} does not fit into 64 bits with a sign")
    leaf = _first_leaf(data)
    if (
        dtype is None
        and (not array.size or array.dtype == np.float64)
        and not isinstance(leaf, (np.ndarray, np.generic, Tensor))
    ):
        default = get_default_dtype().to_numpy()
        array = array.astype(default, copy=False)
    return array


def _from_data(op: str, data: Any, dtype: DType | None) -> Tensor:
    array = _host_array(op, data, dtype)
    if dtype is None:
        plain = not isinstance(data, (np.ndarray, np.generic))
        default = get_default_dtype()
        if plain and default is bfloat16 and array.dtype == np.float32:
            dtype = bfloat16
        else:
            return from_array(array, from_numpy_dtype(op, array.dtype))
    if not isinstance(data, (np.ndarray, np.generic)):
        _check_range(op, array, dtype)
    if dtype is bfloat16:
        x = _core.ops.cast(from_array(array.astype(np.float32), float32), bfloat16)
        _core.eval(x)
        return x
    return from_array(array.astype(dtype.to_numpy(), copy=False), dtype)


def tensor(
    data: Any,
    *,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Copy numbers, nested lists or an array into a new tensor.

    Args:
        data: Python ints give int64, floats the default dtype; arrays keep their dtype.

    Raises:
        TypeError: `data` does not consist of numbers, or its dtype is not supported.
        ValueError: nested lists are ragged.
        OverflowError: an integer is out of the dtype's range.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([[1, 2], [3, 4]])
        tensor([[1, 2],
                [3, 4]])
    """
    if isinstance(data, Tensor):
        x = _core.ops.alias(_core.detach(data))
        x = x if dtype is None or dtype is x.dtype else _core.ops.cast(x, dtype)
    else:
        x = _from_data("tensor", data, dtype)
    return finish(x, layout, device, requires_grad)


def as_tensor(data: Any, *, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Return a tensor with these values: `data` itself where it is one of this dtype already.

    Example:
        >>> import pyflame as pf
        >>> x = pf.ones(2)
        >>> pf.as_tensor(x) is x
        True
    """
    if isinstance(data, Tensor):
        return data if dtype is None or dtype is data.dtype else _core.ops.cast(data, dtype)
    return finish(_from_data("as_tensor", data, dtype), None, device, False)


def asarray(obj: Any, *, dtype: DType | None = None, copy: bool | None = None, device: Any = None) -> Tensor:
    """Return a tensor with these values.

    Args:
        copy: True always copies; False promises that an array will not change and shares its memory.

    Raises:
        ValueError: copy=False and sharing is impossible.

    Example:
        >>> import pyflame as pf
        >>> pf.asarray([1, 2])
        tensor([1, 2])
    """
    if isinstance(obj, np.ndarray):
        return finish(from_numpy(obj, dtype, copy), None, device, False)
    if isinstance(obj, Tensor):
        if copy:
            return tensor(obj, dtype=dtype, device=device)
        if copy is False and dtype not in (None, obj.dtype):
            raise ValueError(f"[asarray] copy=False forbids to convert {obj.dtype.name} to {dtype}")
    elif copy is False:
        raise ValueError(f"[asarray] copy=False needs a tensor or an array, got {type(obj).__name__}")
    return as_tensor(obj, dtype=dtype, device=device)


def from_numpy(arr: Array, dtype: DType | None = None, copy: bool | None = None) -> Tensor:
    """Take a snapshot of a NumPy array.

    Args:
        copy: None shares the memory of read-only arrays and copies others; False shares, which promises that the
            array will not change; True copies.

    Raises:
        TypeError: `arr` is no array, or its dtype has no counterpart.
        ValueError: copy=False and the array would have to be converted.

    Example:
        >>> import numpy as np, pyflame as pf
        >>> pf.from_numpy(np.array([1.5, 2.5]))
        tensor([1.5000, 2.5000], dtype=pyflame.float64)
    """
    if not isinstance(arr, np.ndarray):
        raise TypeError(f"[from_numpy] expected a NumPy array, got {type(arr).__name__}: use tensor() for other data")
    own = from_numpy_dtype("from_numpy", arr.dtype)
    fits = arr.flags.c_contiguous and arr.dtype.isnative and (dtype is None or dtype is own)
    if copy is False and not fits:
        raise ValueError("[from_numpy] copy=False needs a C-contiguous array of the requested dtype")
    if fits and (copy is False or (copy is None and _is_constant(arr))):
        return _core.from_array(arr, own.code, True)
    return _from_data("from_numpy", arr, dtype)


def _is_constant(array: Any) -> bool:
    """Whether nobody can write to the memory: a read-only view of a writable array does not count."""
    while isinstance(array, np.ndarray):
        if array.flags.writeable:
            return False
        array = array.base
    return isinstance(array, (bytes, type(None)))


def from_dlpack(source: Any) -> Tensor:
    """Take a snapshot of an array of any library that speaks DLPack.

    Args:
        source: an object with `__dlpack__` on the CPU. Memory that nobody can write to is shared.

    Raises:
        TypeError: there is no `__dlpack__`, or no counterpart of the dtype.
        BufferError: the array is not on the CPU.

    Example:
        >>> import numpy as np, pyflame as pf
        >>> pf.from_dlpack(np.array([1, 2]))
        tensor([1, 2])
    """
    if isinstance(source, Tensor):
        return _core.ops.alias(_core.detach(source))
    if not hasattr(source, "__dlpack__"):
        raise TypeError(f"[from_dlpack] {type(source).__name__} has no __dlpack__: use tensor() or as_tensor()")
    from .._dlpack import read

    array, is_bfloat16 = read(source)
    return from_array(array, bfloat16) if is_bfloat16 else from_numpy(array, copy=True)


def frombuffer(buffer: Any, *, dtype: DType, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """Read numbers from an object with the buffer protocol.

    Args:
        count: how many elements; -1 for all.
        offset: bytes to skip.

    Example:
        >>> import pyflame as pf
        >>> pf.frombuffer(bytes([1, 2]), dtype=pf.uint8)
        tensor([1, 2], dtype=pyflame.uint8)
    """
    if not len(memoryview(buffer)):
        raise ValueError("[frombuffer] the buffer is empty")
    code = "u2" if dtype is bfloat16 else dtype.to_numpy()
    return finish(from_array(np.frombuffer(buffer, code, count, offset), dtype), None, None, requires_grad)


def full(
    size: Sequence[int] | int,
    fill_value: Number,
    *,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Fill a shape with one value; it takes the memory of one element until written to.

    Args:
        dtype: None for the default dtype of floats, int64 or bool, by `fill_value`.

    Raises:
        OverflowError: the value is out of the dtype's range.

    Example:
        >>> import pyflame as pf
        >>> pf.full((2,), 7)
        tensor([7, 7])
    """
    return finish(constant("full", fill_value, dtype, size), layout, device, requires_grad)


def constant(op: str, value: Number | Tensor, dtype: DType | None, shape: Sequence[int] | int) -> Tensor:
    if isinstance(value, Tensor):
        value = _core.item(value)
    if dtype is None:
        kind = np.asarray(value).dtype.kind
        dtype = (
            get_default_dtype() if kind == "f" else from_numpy_dtype(op, np.dtype(np.bool if kind == "b" else np.int64))
        )
    elif 0 < dtype.code < 6:
        if isinstance(value, float) and not math.isfinite(value):
            raise OverflowError(f"[{op}] {value} cannot be converted to {dtype.name}")
        _check_range(op, np.asarray(int(value)), dtype)
    elif dtype.code == 0:
        value = bool(value)
    return _full(value, dtype, shape)


def zeros(
    *size: Any,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Fill a shape with zeros.

    Args:
        size: sizes, as numbers or one tuple.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros(2, 3)
        tensor([[0., 0., 0.],
                [0., 0., 0.]])
    """
    return finish(
        _full(0, dtype or get_default_dtype(), size[0] if len(size) == 1 else size), layout, device, requires_grad
    )


def ones(
    *size: Any,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Fill a shape with ones.

    Args:
        size: sizes, as numbers or one tuple.

    Example:
        >>> import pyflame as pf
        >>> pf.ones(2)
        tensor([1., 1.])
    """
    return finish(
        _full(1, dtype or get_default_dtype(), size[0] if len(size) == 1 else size), layout, device, requires_grad
    )


def empty(
    *size: Any,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor whose values do not matter; they are zeros.

    Args:
        size: sizes, as numbers or one tuple.

    Example:
        >>> import pyflame as pf
        >>> pf.empty(2, 3).shape
        pyflame.Size([2, 3])
    """
    return zeros(*size, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)
