"""Methods that fill a tensor with random numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from . import _core
from ._inplace import write
from .ops.random import Generator, gaussian, randint, uniform

if TYPE_CHECKING:
    from ._tensor import Tensor

_add = _core.ops.add
_cast = _core.ops.cast
_mul = _core.ops.mul


def _open_uniform(x: Tensor, generator: Generator | None) -> Tensor:
    """Draws from (0, 1], whose logarithm is finite."""
    return 1.0 - uniform(x.shape, x.dtype if x.dtype.is_floating_point else None, generator)


def uniform_(x: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with draws from the uniform distribution on [a, b).

    Raises:
        RuntimeError: a > b.

    Example:
        >>> import pyflame as pf
        >>> bool((pf.zeros(3).uniform_(1, 2) >= 1).all())
        True
    """
    if a > b:
        raise RuntimeError(f"[uniform_] a is {a}, b is {b}: a must not exceed b")
    drawn = uniform(x.shape, x.dtype, generator)
    return write("uniform_", x, drawn if (a, b) == (0, 1) else _add(_mul(drawn, b - a), a))


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with draws from a normal distribution.

    Raises:
        RuntimeError: std is negative.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros(3).normal_(5, 0)
        tensor([5., 5., 5.])
    """
    if std < 0:
        raise RuntimeError(f"[normal_] std is {std}: it must not be negative")
    drawn = gaussian(x.shape, x.dtype, generator)
    return write("normal_", x, drawn if (mean, std) == (0, 1) else _add(_mul(drawn, std), mean))


def bernoulli_(x: Tensor, p: float = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with ones, drawn with probability `p`, and zeros.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros(3).bernoulli_(1.0)
        tensor([1., 1., 1.])
    """
    if not 0.0 <= p <= 1.0:
        raise RuntimeError(f"[bernoulli_] p is {p}: a probability is between 0 and 1")
    return write("bernoulli_", x, _cast(_core.ops.lt(uniform(x.shape, None, generator), p), x.dtype))


def random_(x: Tensor, low: int = 0, high: int | None = None, *, generator: Generator | None = None) -> Tensor:
    """Fill with integers from low to high - 1; `random_(high)` starts at 0.

    Args:
        high: None, with `low` 0, for all integers the dtype represents exactly.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros(3).random_(7, 8)
        tensor([7., 7., 7.])
    """
    if high is None and low:
        low, high = 0, low
    if high is None:
        digits = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53, "bool": 1, "uint8": 8}
        high = 2 ** digits.get(x.dtype.name, 8 * x.dtype.itemsize - 1)
    drawn = randint(low, min(high, 2**63 - 1), x.shape, generator=generator)
    return write("random_", x, _cast(drawn, x.dtype))


def exponential_(x: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with draws from the exponential distribution of rate `lambd`.

    Example:
        >>> import pyflame as pf
        >>> bool((pf.zeros(3).exponential_() >= 0).all())
        True
    """
    if lambd <= 0:
        raise RuntimeError(f"[exponential_] lambd is {lambd}: it must be positive")
    return write("exponential_", x, _mul(_core.ops.log(_open_uniform(x, generator)), -1.0 / lambd))


def log_normal_(x: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with exponentials of normal draws.

    Example:
        >>> import pyflame as pf
        >>> bool((pf.zeros(3).log_normal_() > 0).all())
        True
    """
    drawn = gaussian(x.shape, x.dtype, generator)
    return write("log_normal_", x, _core.ops.exp(_add(_mul(drawn, std), mean)))


def geometric_(x: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Fill with the numbers of trials until the first success of probability `p`.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros(3).geometric_(0.999999) >= 1
        tensor([True, True, True])
    """
    if not 0.0 < p < 1.0:
        raise RuntimeError(f"[geometric_] p is {p}: expected a number between 0 and 1, both excluded")
    trials = _core.ops.ceil(_mul(_core.ops.log(_open_uniform(x, generator)), 1.0 / math.log1p(-p)))
    return write("geometric_", x, _cast(_core.ops.maximum(trials, 1), x.dtype))


def cauchy_(x: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with draws from the Cauchy distribution.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros(3).cauchy_().shape
        pyflame.Size([3])
    """
    angle = _mul(_add(uniform(x.shape, x.dtype, generator), -0.5), math.pi)
    return write("cauchy_", x, _add(_mul(_core.ops.tan(angle), sigma), median))
