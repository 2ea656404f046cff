"""Activation functions."""

from __future__ import annotations

import warnings

from pyflame import (
    DType,
    Tensor,
    gelu as gelu,
    log_softmax as core_log_softmax,
    relu as core_relu,
    sigmoid as sigmoid,
    silu as core_silu,
    softmax as core_softmax,
    tanh as tanh,
)
from pyflame.ops import (
    elu as core_elu,
    leaky_relu as core_leaky_relu,
    logsigmoid as logsigmoid,
    softplus as softplus,
)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return the larger of each element and zero."""
    return finish(input, core_relu(input), inplace)


def relu_(input: Tensor) -> Tensor:
    """Replace negative elements by zero in place."""
    return relu(input, inplace=True)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return `input * sigmoid(input)`."""
    return finish(input, core_silu(input), inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return positive elements as they are and the others multiplied by `negative_slope`."""
    return finish(input, core_leaky_relu(input, negative_slope), inplace)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return positive elements as they are and `alpha * (exp(x) - 1)` for the others."""
    return finish(input, core_elu(input, alpha), inplace)


def softmax(input: Tensor, dim: int | None = None, dtype: DType | None = None) -> Tensor:
    """Return exponentials that sum to one along `dim`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.softmax(pf.zeros(2), dim=0).tolist()
        [0.5, 0.5]
    """
    return core_softmax(input, implied_dim("softmax", input) if dim is None else dim, dtype)


def log_softmax(input: Tensor, dim: int | None = None, dtype: DType | None = None) -> Tensor:
    """Return the logarithm of `softmax`, computed without overflow."""
    return core_log_softmax(input, implied_dim("log_softmax", input) if dim is None else dim, dtype)


def implied_dim(op: str, input: Tensor) -> int:
    warnings.warn(f"[{op}] dim is not given: choosing it by the number of dimensions, as PyTorch does", stacklevel=3)
    return 0 if input.ndim in (0, 1, 3) else 1


def finish(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    return input.copy_(result) if inplace else result
