"""Largest elements of windows and where they are, beside a search through every window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import ops

Array = np.ndarray[Any, np.dtype[Any]]

# height, width, kernel, stride, padding, dilation
CASES = [
    (6, 40, 2, 2, 0, 1), (7, 14, 2, 2, 0, 1), (9, 35, 3, 2, 1, 1), (8, 33, 3, 1, 1, 1), (12, 50, 3, 3, 1, 2),
    (5, 3, 3, 1, 1, 1), (4, 2, 2, 1, 1, 1), (20, 23, 5, 2, 2, 1), (10, 70, 2, 1, 0, 3),
]  # fmt: skip


def search(x: Array, kernel: int, stride: int, padding: int, dilation: int) -> tuple[Array, Array]:
    """The first largest element of each window; the first NaN is larger than all."""
    n, h, w = x.shape
    oh, ow = ((e + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 for e in (h, w))
    values, places = np.empty((n, oh, ow), x.dtype), np.empty((n, oh, ow), np.int64)
    for i, y, z in np.ndindex(n, oh, ow):
        rows = [r for r in range(y * stride - padding, h, dilation)[:kernel] if r >= 0]
        columns = [c for c in range(z * stride - padding, w, dilation)[:kernel] if c >= 0]
        seen = [(x[i, r, c], r * w + c) for r in rows for c in columns]
        values[i, y, z], places[i, y, z] = seen[int(np.argmax([value for value, _ in seen]))]
    return values, places


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(map(str, c)))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_and_positions(case: tuple[int, ...], dtype: type[Any]) -> None:
    h, w, *window = case
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 3, (3, h, w)).astype(dtype)  # with ties
    x[1] = np.where(rng.random((h, w)) < 0.2, np.nan, x[1])
    x[2] = np.where(rng.random((h, w)) < 0.7, -np.inf, x[2])
    found = ops.max_pool2d(pf.tensor(x), *window, return_indices=True)
    for ours, expected in zip(found, search(x, *window), strict=True):
        np.testing.assert_array_equal(ours.numpy(), expected)
    np.testing.assert_array_equal(ops.max_pool2d(pf.tensor(x), *window).numpy(), search(x, *window)[0])


@pytest.mark.parametrize("window", [(2, 2, 0, 1), (1, 2, 0, 1), (3, 2, 0, 1), (2, 4, 0, 2), (2, 4, 0, 4), (2, 2, 1, 1)])
@pytest.mark.parametrize("shape", [(5, 6, 8), (300, 5, 8), (4, 3, 40, 64), (2, 3, 12, 6)])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_windows_of_one_plane_see_no_other(shape: tuple[int, ...], window: tuple[int, ...], ceil_mode: bool) -> None:
    x = pf.tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    for pool in [ops.max_pool1d, ops.max_pool2d] if len(shape) == 3 else [ops.max_pool2d]:
        values = pool(x, *window, ceil_mode=ceil_mode)
        expected, _ = pool(x, *window, ceil_mode=ceil_mode, return_indices=True)
        np.testing.assert_array_equal(values.numpy(), expected.numpy())
