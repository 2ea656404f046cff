"""Composites of 16-bit floats in float32: what is in between may leave their range, or lose their few digits."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from .. import _core
from ..dtypes import bfloat16, float16, float32

F = TypeVar("F", bound=Callable[..., Any])

_cast = _core.ops.cast


def in_float32(function: F) -> F:
    """Mark a composite that computes in float32 if its first operand is a 16-bit float; its results have that dtype."""

    @functools.wraps(function)
    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        dtype = getattr(x, "dtype", None)
        if dtype is not float16 and dtype is not bfloat16:
            return function(x, *args, **kwargs)
        found = function(_cast(x, float32), *args, **kwargs)
        return tuple(_cast(y, dtype) for y in found) if isinstance(found, tuple) else _cast(found, dtype)

    return call  # type: ignore[return-value]
