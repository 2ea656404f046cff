"""How operands meet in the standard: dtypes decide, whatever the number of dimensions."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeAlias

from .. import _core
from .._tensor import Tensor
from ..dtypes import DType, promote_types

Operand: TypeAlias = "Tensor | bool | int | float"
Axis: TypeAlias = "int | tuple[int, ...] | None"


def common_dtype(*operands: Any) -> DType:
    return reduce(promote_types, (item.dtype for item in operands if isinstance(item, Tensor)))


def promoted(*operands: Any) -> tuple[Any, ...]:
    """Convert arrays to one dtype; numbers stay as they are. PyTorch would let 0-d arrays give way."""
    arrays = [item for item in operands if isinstance(item, Tensor)]
    if len({item.dtype for item in arrays}) < 2:
        return operands
    dtype = common_dtype(*arrays)
    return tuple(_core.ops.cast(item, dtype) if isinstance(item, Tensor) else item for item in operands)


def unary(name: str, function: Callable[[Any], Tensor]) -> Callable[[Tensor], Tensor]:
    """A function of one array, named and documented as the standard does."""

    def call(x: Tensor, /) -> Tensor:
        return function(x)

    return _labelled(call, name, function)


def binary(name: str, function: Callable[[Any, Any], Tensor]) -> Callable[[Operand, Operand], Tensor]:
    """A function of two arrays, or an array and a number, after promotion."""

    def call(x1: Operand, x2: Operand, /) -> Tensor:
        return function(*promoted(x1, x2))

    return _labelled(call, name, function)


def _labelled(call: Any, name: str, function: Callable[..., Any]) -> Any:
    call.__name__ = call.__qualname__ = name
    call.__module__ = "pyflame.array_api"
    call.__doc__ = (function.__doc__ or "").partition("\n")[0]
    return call
