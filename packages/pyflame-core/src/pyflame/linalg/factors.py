"""LU factors of stacks of square matrices, of the core's own making, as arrays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core

if TYPE_CHECKING:
    from .._types import Array


def stack(a: Array) -> Array:
    """The matrices of (..., m, n) as (matrices, m, n)."""
    return a.reshape(math.prod(a.shape[:-2]), *a.shape[-2:])


class Factors:
    """PA = LU of each matrix of `a` (..., n, n), `lu` holding both triangles and `pivots` the exchanges of rows."""

    def __init__(self, a: Array) -> None:
        self.shape = a.shape
        self.lu = stack(np.array(a, order="C"))
        self.pivots: Array = np.empty(self.lu.shape[:-1], np.int64)
        self._regular = _core.factor(self.lu, self.pivots)

    def _check(self) -> None:
        if not self._regular:
            matrix, pivot = np.argwhere(np.diagonal(self.lu, axis1=1, axis2=2) == 0)[0]
            raise np.linalg.LinAlgError(f"pivot {pivot} of matrix {matrix} is zero")

    def inverse(self) -> Array:
        """Of each matrix, in the place of the factors.

        Raises:
            LinAlgError: a pivot is zero.
        """
        self._check()
        _core.invert(self.lu, self.pivots)
        return self.lu.reshape(self.shape)

    def solve(self, b: Array) -> Array:
        """The solutions of A x = b, for b (..., n, k).

        Raises:
            LinAlgError: a pivot is zero.
        """
        self._check()
        solution = stack(np.array(b, order="C"))
        _core.solve(self.lu, self.pivots, solution)
        return solution.reshape(b.shape)

    def diagonal(self) -> Array:
        """Of U, (..., n)."""
        return np.diagonal(self.lu, axis1=-2, axis2=-1).reshape(self.shape[:-1])

    def parity(self) -> Any:
        """1 or -1: the determinant of P."""
        exchanged = (self.pivots != np.arange(self.shape[-1])).sum(-1)
        return (1 - 2 * (exchanged % 2)).astype(self.lu.dtype).reshape(self.shape[:-2])
