"""What the functions of `pyflame.linalg` ask of their operands."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LinAlgError

if TYPE_CHECKING:
    from .._tensor import Tensor


def check_matrix(op: str, x: Tensor, *, square: bool = False) -> None:
    """LAPACK computes float32 and float64 matrices."""
    if x.ndim < 2:
        raise RuntimeError(f"[{op}] x has {x.ndim} dimensions: expected matrices, of at least 2")
    if square and x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"[{op}] x has shape {tuple(x.shape)}: expected square matrices")
    check_float(op, x)


def check_float(op: str, x: Tensor) -> None:
    if x.dtype.name not in ("float32", "float64"):
        raise RuntimeError(f"[{op}] x is {x.dtype.name}: expected float32 or float64; convert it first")


def named_error(op: str, why: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Turn what LAPACK reports into our exception, raised when the value is computed."""

    def decorate(run: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(run)
        def named(*arrays: Any, **attrs: Any) -> Any:
            try:
                return run(*arrays, **attrs)
            except np.linalg.LinAlgError as error:
                raise LinAlgError(f"[{op}] {why} ({error})") from None

        return named

    return decorate
