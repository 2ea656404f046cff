"""Draws whose distribution a tensor states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import _core
from ..dtypes import float64
from .creation import from_array
from .ordering import topk
from .random import Generator, default_generator, uniform
from .scan import cumsum
from .search import searchsorted

if TYPE_CHECKING:
    from .._tensor import Tensor


def _check_weights(p: Tensor, n: int, replacement: bool) -> None:
    if not p.dtype.is_floating_point:
        raise RuntimeError(f"[multinomial] p has dtype {p.dtype.name}: expected floating-point weights")
    if p.ndim not in (1, 2) or p.shape[-1] == 0:
        raise RuntimeError(f"[multinomial] p has shape {tuple(p.shape)}: expected (classes,) or (rows, classes)")
    if n <= 0:
        raise RuntimeError(f"[multinomial] n is {n}: it must be positive")
    if not replacement and n > p.shape[-1]:
        raise RuntimeError(f"[multinomial] n is {n}, there are {p.shape[-1]} classes: draw with replacement=True")
    weights = _core.to_array(_core.ops.cast(_core.detach(p), float64))
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise RuntimeError("[multinomial] p has weights that are negative, infinite or not a number")
    possible = (weights > 0).sum(-1)
    if (possible == 0).any():
        raise RuntimeError("[multinomial] the weights of a row sum to 0: at least one must be positive")
    if not replacement and (possible < n).any():
        raise RuntimeError(f"[multinomial] n is {n}, a row has {possible.min()} positive weights: too few to draw from")


def multinomial(
    p: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Draw classes with the probabilities that weights state; the weights are evaluated to check them.

    Args:
        p: weights, (classes,) or (rows, classes); they need not sum to 1.
        num_samples: draws for each row.
        replacement: whether a class may be drawn again.

    Returns:
        int64 indices, (num_samples,) or (rows, num_samples).

    Raises:
        RuntimeError: weights are negative or not finite, or too few are positive.

    Example:
        >>> import pyflame as pf
        >>> pf.multinomial(pf.tensor([0.0, 3.0, 0.0]), 2, replacement=True)
        tensor([1, 1])
    """
    _check_weights(p, num_samples, replacement)
    wide = _core.detach(p)
    if wide.dtype.itemsize < 4:
        wide = wide.float()
    if replacement:
        # The inverse of the distribution function; the last class with weight takes what rounding leaves over.
        edges = cumsum(wide, -1)
        shape = (*p.shape[:-1], num_samples)
        drawn = uniform(shape, wide.dtype, generator) * edges[..., -1:]
        found = searchsorted(edges, drawn, right=True)
        last = searchsorted(edges, edges[..., -1:].contiguous(), right=False)
        return _core.ops.minimum(found, last)
    # The first of independent exponential clocks that run at the rates p: a draw without replacement.
    clocks = -_core.ops.log(1.0 - uniform(p.shape, wide.dtype, generator))
    return topk(_core.ops.div(wide, _core.ops.maximum(clocks, 1e-30)), num_samples).indices


def poisson(rates: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw from Poisson distributions; the numbers are made on the host at once.

    Args:
        rates: floating-point, not negative; any shape.

    Returns:
        A tensor of the shape and dtype of `rates`.

    Raises:
        RuntimeError: a rate is negative, or the dtype is not floating-point.

    Example:
        >>> import pyflame as pf
        >>> pf.poisson(pf.zeros(3))
        tensor([0., 0., 0.])
    """
    if not rates.dtype.is_floating_point:
        raise RuntimeError(f"[poisson] rates has dtype {rates.dtype.name}: expected floating-point rates")
    means = np.asarray(_core.to_array(_core.ops.cast(_core.detach(rates), float64)))
    if not (means >= 0).all():
        raise RuntimeError("[poisson] a rate is negative or not a number")
    key, offset = (generator or default_generator).draw(means.size)
    # NumPy's Philox from the same seed and counter: no other stream of this process has this key.
    words = np.random.Philox(key=[key & 0xFFFFFFFFFFFFFFFF, 2], counter=offset)
    drawn = np.random.Generator(words).poisson(means)
    return _core.ops.cast(from_array(np.asarray(drawn, dtype=np.float64), float64), rates.dtype)
