"""Activation functions made of pieces."""

from __future__ import annotations

from pyflame import Tensor, rand_like, sigmoid, tanh, where
from pyflame.ops import (
    celu as core_celu,
    hardtanh as core_hardtanh,
    mish as core_mish,
    relu6 as core_relu6,
    selu as core_selu,
    softsign as core_softsign,
)

from .activation import elu, finish, kept, leaky_relu

__all__ = [
    "celu",
    "celu_",
    "elu_",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "leaky_relu_",
    "mish",
    "prelu",
    "relu6",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "softshrink",
    "softsign",
    "tanhshrink",
    "threshold",
    "threshold_",
]


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return `max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`."""
    if alpha == 0:
        raise RuntimeError("[celu] alpha is 0: it must not be")
    return finish(input, core_celu(input, alpha), inplace)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return `elu` with the constants of self-normalizing networks."""
    return finish(input, core_selu(input), inplace)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Limit to the interval from 0 to 6."""
    return finish(input, core_relu6(input), inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """Limit to an interval.

    Raises:
        ValueError: its ends are in the wrong order.
    """
    if min_val > max_val:
        raise ValueError(f"[hardtanh] min_val is {min_val}, max_val {max_val}: the first must not be greater")
    return finish(input, core_hardtanh(input, min_val, max_val), inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return `x * tanh(softplus(x))`."""
    return finish(input, core_mish(kept(input, inplace)), inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return `x / 6 + 1 / 2`, limited to the interval from 0 to 1.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.hardsigmoid(pf.tensor([-4.0, 0.0, 1.5]))
        tensor([0.0000, 0.5000, 0.7500])
    """
    return finish(input, core_hardtanh(input + 3.0, 0.0, 6.0) / 6.0, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return `x * hardsigmoid(x)`.

    Howard et al., "Searching for MobileNetV3" (2019).

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.hardswish(pf.tensor([-4.0, 1.5, 4.0]))
        tensor([0.0000, 1.1250, 4.0000])
    """
    x = kept(input, inplace)
    inner = x * (x + 3.0) * (1 / 6)
    return finish(input, where(x <= -3.0, 0.0, where(x >= 3.0, x, inner)), inplace)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Replace elements between `-lambd` and `lambd` by zero.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.hardshrink(pf.tensor([-1.0, 0.25]))
        tensor([-1.,  0.])
    """
    return where((input >= -lambd) & (input <= lambd), 0.0, input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Move elements by `lambd` towards zero, which they do not pass.

    Raises:
        RuntimeError: `lambd` is negative.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.softshrink(pf.tensor([-1.0, 0.25]))
        tensor([-0.5000,  0.0000])
    """
    if lambd < 0:
        raise RuntimeError(f"[softshrink] lambd is {lambd}: it must not be negative")
    # What is compared with neither is NaN, which stays.
    return where(input > lambd, input - lambd, where(input < -lambd, input + lambd, input * 0.0))


def softsign(input: Tensor) -> Tensor:
    """Return `x / (1 + |x|)`."""
    return core_softsign(input)


def tanhshrink(input: Tensor) -> Tensor:
    """Return `x - tanh(x)`."""
    return input - tanh(input)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Replace elements that are not above the threshold.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.threshold(pf.tensor([1.0, 3.0]), 2.0, -1.0)
        tensor([-1.,  3.])
    """
    return finish(input, where(input <= threshold, value, input), inplace)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Multiply negative elements by a learned slope.

    He et al., "Delving Deep into Rectifiers" (2015).

    Args:
        input: (batch, channels, ...)
        weight: (channels,), or one slope for all.

    Raises:
        RuntimeError: the shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.prelu(pf.tensor([-1.0, 2.0]), pf.tensor([0.25]))
        tensor([-0.2500,  2.0000])
    """
    slopes = weight.numel()
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or slopes != 1 and slopes != channels:
        raise RuntimeError(
            f"[prelu] input has shape {tuple(input.shape)}, weight {tuple(weight.shape)}: expected one slope, or one "
            f"for each of {channels} channels"
        )
    shape = [slopes if d == 1 else 1 for d in range(input.ndim)] if slopes > 1 else [1] * input.ndim
    return where(input > 0.0, input, input * weight.reshape(shape))


def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """Multiply elements that are not positive by a random slope; outside training, by the mean of the bounds.

    Xu et al., "Empirical Evaluation of Rectified Activations in Convolutional Network" (2015).

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.rrelu(pf.tensor([-1.0, 2.0]), 0.1, 0.3)
        tensor([-0.2000,  2.0000])
    """
    if not training:
        return leaky_relu(input, (lower + upper) / 2.0, inplace)
    slopes = lower + (upper - lower) * rand_like(input)
    return finish(input, where(input > 0.0, input, input * slopes), inplace)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Multiply the first half of a dimension by the sigmoid of the second.

    Dauphin et al., "Language Modeling with Gated Convolutional Networks" (2017).

    Raises:
        RuntimeError: the dimension has an odd size.
        IndexError: there is no such dimension.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.glu(pf.tensor([4.0, 0.0]))
        tensor([2.])
    """
    if not input.ndim:
        raise RuntimeError("[glu] input has no dimensions: there is nothing to halve")
    if not -input.ndim <= dim < input.ndim:
        raise IndexError(f"[glu] dim {dim} is out of range for an input of shape {tuple(input.shape)}")
    size = input.shape[dim]
    if size % 2:
        raise RuntimeError(f"[glu] input has shape {tuple(input.shape)}: dimension {dim} does not divide by 2")
    return input.narrow(dim, 0, size // 2) * sigmoid(input.narrow(dim, size // 2, size // 2))


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Apply `celu` in place."""
    return celu(input, alpha, inplace=True)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Apply `elu` in place."""
    return elu(input, alpha, inplace=True)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Apply `hardtanh` in place."""
    return hardtanh(input, min_val, max_val, inplace=True)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Apply `leaky_relu` in place."""
    return leaky_relu(input, negative_slope, inplace=True)


def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """Apply `rrelu` in place."""
    return rrelu(input, lower, upper, training, inplace=True)


def selu_(input: Tensor) -> Tensor:
    """Apply `selu` in place."""
    return selu(input, inplace=True)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """Replace elements that are not above the threshold, in place."""
    return finish(input, where(input <= threshold, value, input), True)
