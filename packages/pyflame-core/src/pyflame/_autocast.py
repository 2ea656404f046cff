"""What composites say about mixed precision; see `pyflame.amp`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from . import _core
from ._core import TensorBase
from .dtypes import DType, all_dtypes, float32

F = TypeVar("F", bound=Callable[..., Any])

OFF = -1  # in place of the dtype that autocast converts to


def converted(given: Any, dtype: DType) -> Any:
    if isinstance(given, TensorBase):
        wanted = given.dtype.is_floating_point and given.dtype.name != "float64" and given.dtype is not dtype
        return _core.ops.cast(given, dtype) if wanted else given
    if isinstance(given, (tuple, list)):
        return type(given)(converted(item, dtype) for item in given)
    if isinstance(given, dict):
        return {key: converted(item, dtype) for key, item in given.items()}
    return given


def float32_inputs(function: F) -> F:
    """Mark a composite that computes in float32 under autocast.

    Example:
        >>> import pyflame as pf
        >>> @pf.amp.float32_inputs
        ... def spread(x):
        ...     return x.var()
        >>> with pf.autocast():
        ...     spread(pf.ones(3, dtype=pf.bfloat16)).dtype
        pyflame.float32
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _core.autocast_dtype() == OFF:
            return function(*args, **kwargs)
        previous = _core.set_autocast(OFF)
        try:
            return function(*converted(args, float32), **converted(kwargs, float32))
        finally:
            _core.set_autocast(previous)

    return call  # type: ignore[return-value]


def lower_inputs(function: F) -> F:
    """Mark a composite of products that computes in autocast's dtype."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        code = _core.autocast_dtype()
        if code == OFF:
            return function(*args, **kwargs)
        return function(*converted(args, all_dtypes[code]), **converted(kwargs, all_dtypes[code]))

    return call  # type: ignore[return-value]
