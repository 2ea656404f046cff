"""Comparing values, and making them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import _core
from .._conversion import host
from .._tensor import Tensor
from .._types import Array
from ..dtypes import DType, float32
from ..ops.creation import as_tensor, tensor
from ..ops.random import Generator, fork_rng, manual_seed

# dtype: rtol, atol; the larger one of both sides counts
_TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}


def _tolerance(a: DType, b: DType) -> tuple[float, float]:
    pairs = [_TOLERANCES.get(dtype.name, (0.0, 0.0)) for dtype in (a, b)]
    return max(pair[0] for pair in pairs), max(pair[1] for pair in pairs)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_dtype: bool = True,
) -> None:
    """Check that tensors, numbers, or lists and mappings of them agree within tolerances.

    Args:
        rtol, atol: both or neither; by default they follow from the dtypes.

    Raises:
        AssertionError: shapes, dtypes or values differ; the message names the largest difference and its place.
        ValueError: one of the tolerances is given without the other.

    Example:
        >>> import pyflame as pf
        >>> pf.testing.assert_close(pf.tensor([1.0]) + 1e-7, pf.tensor([1.0]))
    """
    if (rtol is None) != (atol is None):
        raise ValueError("[assert_close] give rtol and atol together, or neither")
    if isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            raise AssertionError(f"[assert_close] keys differ: {sorted(actual)} and {sorted(expected)}")
        for key in expected:
            _compare(actual[key], expected[key], rtol, atol, equal_nan, check_dtype, f"[{key!r}]")
    elif isinstance(expected, Sequence) and not isinstance(expected, str):
        if len(actual) != len(expected):
            raise AssertionError(f"[assert_close] lengths differ: {len(actual)} and {len(expected)}")
        for place, (one, other) in enumerate(zip(actual, expected)):
            _compare(one, other, rtol, atol, equal_nan, check_dtype, f"[{place}]")
    else:
        _compare(actual, expected, rtol, atol, equal_nan, check_dtype, "")


def _compare(
    actual: Any, expected: Any, rtol: float | None, atol: float | None, equal_nan: bool, check_dtype: bool, where: str
) -> None:
    a, b = as_tensor(actual), as_tensor(expected)
    name = f"[assert_close]{' item ' + where if where else ''}"
    if a.shape != b.shape:
        raise AssertionError(f"{name} shapes differ: {tuple(a.shape)} and {tuple(b.shape)}")
    if check_dtype and a.dtype is not b.dtype:
        raise AssertionError(f"{name} dtypes differ: {a.dtype.name} and {b.dtype.name}")
    if rtol is None or atol is None:
        rtol, atol = _tolerance(a.dtype, b.dtype)
    x, y = (host(_core.detach(side)) for side in (a, b))
    if a.dtype.is_floating_point or b.dtype.is_floating_point:
        x, y = x.astype(np.float64), y.astype(np.float64)
    close = np.isclose(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan)
    if close.all():
        return
    with np.errstate(invalid="ignore"):
        gap = np.where(close, 0.0, np.abs(x.astype(np.float64) - y.astype(np.float64)))
    place = tuple(map(int, np.unravel_index(np.argmax(np.where(np.isnan(gap), np.inf, gap)), gap.shape)))
    raise AssertionError(
        f"{name} {int((~close).sum())} of {close.size} elements differ (rtol {rtol:g}, atol {atol:g}): "
        f"the most at {place}, {x[place]!r} and {y[place]!r}"
    )


def assert_equal(actual: Any, expected: Any) -> None:
    """Check that tensors, numbers, or lists and mappings of them are equal; NaN equals NaN.

    Raises:
        AssertionError: shapes, dtypes or values differ.

    Example:
        >>> import pyflame as pf
        >>> pf.testing.assert_equal(pf.tensor([1, 2]), pf.tensor([1, 2]))
    """
    assert_close(actual, expected, rtol=0.0, atol=0.0, equal_nan=True)


def make_tensor(
    *shape: Any,
    dtype: DType = float32,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    exclude_zero: bool = False,
    seed: int = 0,
) -> Tensor:
    """Make a tensor of arbitrary but fixed values.

    Args:
        low, high: the range; by default [-9, 9), from 0 for unsigned integers, both values for bool.
        exclude_zero: replace zeros by ones.

    Example:
        >>> import pyflame as pf
        >>> pf.testing.make_tensor(2, 3).shape
        pyflame.Size([2, 3])
    """
    size = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
    draw = np.random.default_rng(seed)
    bottom = (0 if dtype.name in ("uint8", "bool") else -9) if low is None else low
    top = (2 if dtype.name == "bool" else 9) if high is None else high
    values: Array
    if dtype.is_floating_point:
        values = draw.uniform(bottom, top, size)
    else:
        values = draw.integers(int(bottom), int(top), size)
    if exclude_zero:
        values = np.where(values == 0, 1, values)
    return tensor(values, dtype=dtype, requires_grad=requires_grad)


@contextmanager
def fixed_seed(seed: int = 0) -> Iterator[Generator]:
    """Draw the same random numbers in each run of a `with` block.

    Example:
        >>> import pyflame as pf
        >>> with pf.testing.fixed_seed():
        ...     a = pf.rand(2)
        >>> with pf.testing.fixed_seed():
        ...     pf.equal(a, pf.rand(2))
        True
    """
    with fork_rng():
        yield manual_seed(seed)
