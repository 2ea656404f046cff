"""Initial values of parameters. Each function fills a tensor in place and returns it."""

from __future__ import annotations

import math
import warnings
from typing import TypeVar

from pyflame import (
    Generator,
    Tensor,
    clamp,
    erfinv,
    eye,
    float64,
    full,
    linalg,
    no_grad,
    ops,
    rand,
    randn,
    tensor as tensor_of,
    where,
    zeros,
)

Filled = TypeVar("Filled", bound=Tensor)

GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0,
    "conv_transpose3d": 1.0,
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
        if isinstance(param, bool) or not isinstance(param, int | float | None):
            raise ValueError(f"[init] the negative slope is {param!r}: expected a number")
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
    if not tensor.numel():
        warnings.warn("[init] the tensor has no elements: there is nothing to initialize", stacklevel=3)
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


def eye_(tensor: Filled) -> Filled:
    """Set a matrix to the identity: ones on the diagonal, zeros elsewhere.

    Raises:
        ValueError: it has not two dimensions.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.init.eye_(pf.empty(2, 3)).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    if tensor.ndim != 2:
        raise ValueError(f"[init] eye_: the tensor has shape {tuple(tensor.shape)}: expected two dimensions")
    return fill(tensor, eye(*tensor.shape, dtype=tensor.dtype))


def dirac_(tensor: Filled, groups: int = 1) -> Filled:
    """Set kernels so that a convolution, centred, hands its input channels on, as many as there are outputs for.

    Args:
        tensor: (out, in, ...), one to three dimensions of kernels.
        groups: how many parts of the outputs begin anew with the first input.

    Raises:
        ValueError: another number of dimensions, or outputs that do not divide into the groups.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.init.dirac_(pf.empty(2, 1, 3)).tolist()
        [[[0.0, 1.0, 0.0]], [[0.0, 0.0, 0.0]]]
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(f"[init] dirac_: the tensor has shape {tuple(tensor.shape)}: expected 3, 4 or 5 dimensions")
    outputs, inputs, *kernel = tensor.shape
    if outputs % groups:
        raise ValueError(f"[init] dirac_: {outputs} outputs do not divide into {groups} groups")
    each = outputs // groups
    values = zeros(tensor.shape, dtype=tensor.dtype)
    centre = [size // 2 for size in kernel]
    for output in range(outputs):
        if output % each < inputs:
            values[(output, output % each, *centre)] = 1.0
    return fill(tensor, values)


def orthogonal_(tensor: Filled, gain: float = 1.0, generator: Generator | None = None) -> Filled:
    """Draw a random matrix with orthonormal rows or columns, whichever are fewer (Saxe et al., 2013).

    Args:
        tensor: (rows, ...), the rest is taken as columns.
        gain: factor of the result.

    Raises:
        ValueError: fewer than two dimensions.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> q = nn.init.orthogonal_(pf.empty(3, 5))
        >>> pf.allclose(q @ q.T, pf.eye(3), atol=1e-5)
        True
    """
    if tensor.ndim < 2:
        raise ValueError(
            f"[init] orthogonal_: the tensor has shape {tuple(tensor.shape)}: expected two dimensions or more"
        )
    if not tensor.numel():
        return tensor
    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    with no_grad():
        drawn = randn(max(rows, columns), min(rows, columns), dtype=tensor.dtype, generator=generator)
        q, r = linalg.qr(drawn)
        q = q * r.diagonal().sign()  # which makes the distribution uniform (Mezzadri, 2007)
        q = q.T if rows < columns else q
        return fill(tensor, gain * q.reshape(tensor.shape))


def sparse_(tensor: Filled, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Filled:
    """Draw a matrix from a normal distribution and set a share of each column to zero (Martens, 2010).

    Args:
        sparsity: the share of zeros, rounded up to whole elements.
        std: of the others.

    Raises:
        ValueError: it has not two dimensions.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> (nn.init.sparse_(pf.empty(10, 3), 0.35) == 0).sum(0).tolist()
        [4, 4, 4]
    """
    if tensor.ndim != 2:
        raise ValueError(f"[init] sparse_: the tensor has shape {tuple(tensor.shape)}: expected two dimensions")
    count = math.ceil(sparsity * tensor.shape[0])
    with no_grad():
        values = randn(tensor.shape, dtype=tensor.dtype, generator=generator) * std
        ranks = rand(tensor.shape, generator=generator).argsort(0).argsort(0)
        return fill(tensor, where(ranks < count, tensor_of(0.0, dtype=tensor.dtype), values))


def normal_cdf(x: float) -> float:
    return math.erfc(-x / math.sqrt(2.0)) / 2


RARE = 1e-9  # below this probability of the interval, float64 has too few values of the distribution function in it


def trunc_normal_(
    tensor: Filled,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Filled:
    """Draw from the normal distribution, given that the value lies between `a` and `b`.

    Args:
        mean: of the distribution before it is cut.
        std: of the distribution before it is cut.
        a: least value.
        b: greatest value.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> x = nn.init.trunc_normal_(pf.empty(1000), std=0.02, a=-0.04, b=0.04)
        >>> bool((x.abs() <= 0.04).all())
        True
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            f"[init] trunc_normal_: mean {mean} is more than two std from [{a}, {b}]: few values of the distribution "
            f"are there",
            stacklevel=2,
        )
    low, high = (a - mean) / std, (b - mean) / std
    mirrored = low > 0  # the distribution function is more precise in its lower half
    low, high = (-high, -low) if mirrored else (low, high)
    first, last = normal_cdf(low), normal_cdf(high)
    with no_grad():
        if last - first > RARE:
            u = rand(tensor.shape, dtype=float64, generator=generator) * (last - first) + first
            z = erfinv(clamp(2 * u - 1, -1 + 1e-16, 1 - 1e-16)) * math.sqrt(2.0)
        else:
            z = tail(tensor, low, high, generator)
        z = clamp(-z if mirrored else z, *((-high, -low) if mirrored else (low, high)))
        return fill(tensor, clamp((z * std + mean).to(tensor.dtype), a, b))


def tail(tensor: Tensor, low: float, high: float, generator: Generator | None) -> Tensor:
    """Draw from the standard normal distribution in an interval of small probability, by rejection."""
    mode = max(low, min(0.0, high))
    # Far out, the density falls as an exponential with this rate; drawing from that, most values are accepted.
    rate = abs(mode) or 1.0
    span = math.exp(-rate * (high - low))
    z = full(tensor.shape, mode, dtype=float64)
    pending = full(tensor.shape, 1.0, dtype=float64) > 0
    while bool(pending.any()):
        u, v = (rand(tensor.shape, dtype=float64, generator=generator) for _ in range(2))
        step = -((1 - u * (1 - span)).log()) / rate
        drawn = mode - step if mode < 0 else mode + step
        accepted = v.log() <= -0.5 * step.square()
        z = where(pending & accepted, drawn, z)
        pending = pending & ~accepted
    return z


def bias_uniform_(bias: Filled, weight: Tensor) -> Filled:
    """Draw a bias uniformly within 1 / sqrt(fan in) of its weight, as PyTorch's layers do."""
    fan_in = fans(weight)[0]
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    return uniform_(bias, -bound, bound)
