"""16-bit floats in float32: what is in between may leave their range, or need more digits than they have."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from .. import _core
from ..dtypes import DType, bfloat16, float16, float32

if TYPE_CHECKING:
    from .._tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])

_cast = _core.ops.cast


def wide(x: Tensor) -> Tensor:
    """A 16-bit float as float32."""
    return _cast(x, float32) if x.dtype in (float16, bfloat16) else x


def narrow(y: Tensor, dtype: DType) -> Tensor:
    return y if y.dtype is dtype else _cast(y, dtype)


def in_float32(function: F) -> F:
    """Mark a composite that computes in float32 if its first operand is a 16-bit float; its results have that dtype.

    Example:
        >>> import pyflame as pf
        >>> @pf.amp.in_float32
        ... def length(x):
        ...     return (x * x).sum().sqrt()
        >>> length(pf.full((4,), 200.0, dtype=pf.float16))
        tensor(400., dtype=pyflame.float16)
    """

    @functools.wraps(function)
    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        dtype = getattr(x, "dtype", None)
        if dtype is not float16 and dtype is not bfloat16:
            return function(x, *args, **kwargs)
        found = function(wide(x), *args, **kwargs)
        return tuple(narrow(y, dtype) for y in found) if isinstance(found, tuple) else narrow(found, dtype)

    return call  # type: ignore[return-value]
