"""Initial values of parameters. Each function fills a tensor in place and returns it."""

from __future__ import annotations

import math
from typing import TypeVar

from pyflame import Generator, Tensor, full, no_grad, ops, rand, randn

Filled = TypeVar("Filled", bound=Tensor)

GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3.0,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4.0,
}


def fill(tensor: Filled, values: Tensor) -> Filled:
    with no_grad():
        ops.assign(tensor, values)
    return tensor


def uniform_(tensor: Filled, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Filled:
    """Draw from the uniform distribution between `a` and `b`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> x = nn.init.uniform_(pf.empty(100), 2.0, 3.0)
        >>> bool(((x >= 2) & (x < 3)).all())
        True
    """
    return fill(tensor, rand(tensor.shape, dtype=tensor.dtype, generator=generator) * (b - a) + a)


def normal_(tensor: Filled, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Filled:
    """Draw from the normal distribution."""
    return fill(tensor, randn(tensor.shape, dtype=tensor.dtype, generator=generator) * std + mean)


def constant_(tensor: Filled, val: float) -> Filled:
    """Set every element to `val`."""
    return fill(tensor, full(tensor.shape, val, dtype=tensor.dtype))


def ones_(tensor: Filled) -> Filled:
    """Set every element to one."""
    return constant_(tensor, 1)


def zeros_(tensor: Filled) -> Filled:
    """Set every element to zero."""
    return constant_(tensor, 0)


def fans(tensor: Tensor) -> tuple[int, int]:
    """Return how many inputs an output of this weight depends on, and how many outputs an input reaches.

    Args:
        tensor: (out, in) or (out, in, ...), where the rest is the kernel.

    Raises:
        ValueError: fewer than two dimensions.
    """
    if tensor.ndim < 2:
        raise ValueError(f"[init] the tensor has shape {tuple(tensor.shape)}: fans need at least two dimensions")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which weights before a nonlinearity are larger.

    Args:
        param: the negative slope of "leaky_relu", 0.01 if None.

    Example:
        >>> from pyflame import nn
        >>> round(nn.init.calculate_gain("leaky_relu", 0.2), 4)
        1.3868
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        raise ValueError(
            f"[init] nonlinearity is {nonlinearity!r}: expected one of {', '.join([*GAINS, 'leaky_relu'])}"
        )
    return GAINS[nonlinearity]


def kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"[init] mode is {mode!r}: expected 'fan_in' or 'fan_out'")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan) if fan else 0.0


def kaiming_uniform_(
    tensor: Filled,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Filled:
    """Draw uniformly so that activations keep their variance (He et al., 2015).

    Args:
        a: the negative slope of the leaky ReLU that follows.
        mode: keep the variance of activations ("fan_in") or of gradients ("fan_out").
    """
    bound = math.sqrt(3.0) * kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Filled,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Filled:
    """Draw from a normal distribution so that activations keep their variance (He et al., 2015)."""
    return normal_(tensor, 0.0, kaiming_std(tensor, a, mode, nonlinearity), generator)


def xavier_uniform_(tensor: Filled, gain: float = 1.0, generator: Generator | None = None) -> Filled:
    """Draw uniformly with a variance between those that suit activations and gradients (Glorot and Bengio, 2010)."""
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Filled, gain: float = 1.0, generator: Generator | None = None) -> Filled:
    """Draw from a normal distribution with the variance of `xavier_uniform_`."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(fans(tensor))), generator)


def bias_uniform_(bias: Filled, weight: Tensor) -> Filled:
    """Draw a bias uniformly within 1 / sqrt(fan in) of its weight, as PyTorch's layers do."""
    fan_in = fans(weight)[0]
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    return uniform_(bias, -bound, bound)
