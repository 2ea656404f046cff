"""Constants that take shape, dtype and layout from another tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _core
from .._types import Number
from ..dtypes import DType
from .creation import constant, finish, tensor

if TYPE_CHECKING:
    from .._tensor import Tensor
    from ..layout import MeshLayout

_full = _core.ops.full


def _like(
    op: str, x: Tensor, value: Number, dtype: DType | None, layout: MeshLayout | None, device: Any, requires_grad: bool
) -> Tensor:
    made = constant(op, value, dtype or x.dtype, x.shape)
    return finish(made, x.layout if layout is None else layout, device, requires_grad)


def zeros_like(
    x: Tensor,
    *,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Fill the shape of another tensor with zeros.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros_like(pf.tensor([1, 2]))
        tensor([0, 0])
    """
    return _like("zeros_like", x, 0, dtype, layout, device, requires_grad)


def ones_like(
    x: Tensor,
    *,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Fill the shape of another tensor with ones.

    Example:
        >>> import pyflame as pf
        >>> pf.ones_like(pf.tensor([1, 2]))
        tensor([1, 1])
    """
    return _like("ones_like", x, 1, dtype, layout, device, requires_grad)


def empty_like(
    x: Tensor,
    *,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of another's shape whose values do not matter; they are zeros.

    Example:
        >>> import pyflame as pf
        >>> pf.empty_like(pf.tensor([1, 2])).dtype
        pyflame.int64
    """
    return _like("empty_like", x, 0, dtype, layout, device, requires_grad)


def full_like(
    x: Tensor,
    fill_value: Number,
    *,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Fill the shape of another tensor with one value.

    Raises:
        OverflowError: the value is out of the dtype's range.

    Example:
        >>> import pyflame as pf
        >>> pf.full_like(pf.tensor([1, 2]), 7)
        tensor([7, 7])
    """
    return _like("full_like", x, fill_value, dtype, layout, device, requires_grad)


def new_zeros(
    x: Tensor,
    *size: Any,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Fill a shape with zeros of this tensor's dtype.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1]).new_zeros(2)
        tensor([0, 0])
    """
    shape = size[0] if len(size) == 1 else size
    return finish(constant("new_zeros", 0, dtype or x.dtype, shape), layout, device, requires_grad)


def new_ones(
    x: Tensor,
    *size: Any,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Fill a shape with ones of this tensor's dtype.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1]).new_ones(2)
        tensor([1, 1])
    """
    shape = size[0] if len(size) == 1 else size
    return finish(constant("new_ones", 1, dtype or x.dtype, shape), layout, device, requires_grad)


def new_empty(
    x: Tensor,
    *size: Any,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of this tensor's dtype whose values do not matter; they are zeros.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1]).new_empty(2, 3).shape
        pyflame.Size([2, 3])
    """
    return new_zeros(x, *size, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def new_full(
    x: Tensor,
    size: Any,
    fill_value: Number,
    *,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Fill a shape with one value of this tensor's dtype.

    Example:
        >>> import pyflame as pf
        >>> pf.tensor([1]).new_full((2,), 7)
        tensor([7, 7])
    """
    return finish(constant("new_full", fill_value, dtype or x.dtype, size), layout, device, requires_grad)


def new_tensor(
    x: Tensor,
    data: Any,
    *,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Copy data into a tensor of this tensor's dtype.

    Example:
        >>> import pyflame as pf
        >>> pf.ones(1).new_tensor([1, 2])
        tensor([1., 2.])
    """
    return tensor(data, dtype=dtype or x.dtype, layout=layout, device=device, requires_grad=requires_grad)
