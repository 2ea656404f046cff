"""Activation functions."""

from __future__ import annotations

import warnings

from pyflame import (
    DType,
    Tensor,
    arange,
    clamp,
    finfo,
    gelu as core_gelu,
    log,
    log_softmax as core_log_softmax,
    rand_like,
    relu as core_relu,
    sigmoid as core_sigmoid,
    silu as core_silu,
    softmax as core_softmax,
    tanh as core_tanh,
)
from pyflame.ops import (
    elu as core_elu,
    leaky_relu as core_leaky_relu,
    logsigmoid as core_logsigmoid,
    softplus as core_softplus,
)


def sigmoid(input: Tensor) -> Tensor:
    """Return `1 / (1 + exp(-x))`."""
    return core_sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """Return the hyperbolic tangent."""
    return core_tanh(input)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Weigh each element by the normal distribution function; `approximate` is "none" or "tanh"."""
    return core_gelu(input, approximate)


def logsigmoid(input: Tensor) -> Tensor:
    """Return the logarithm of `sigmoid`, computed without overflow."""
    return core_logsigmoid(input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return `log(1 + exp(beta * x)) / beta`, and x where `beta * x` is above the threshold."""
    return core_softplus(input, beta, threshold)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return the larger of each element and zero."""
    return finish(input, core_relu(input), inplace)


def relu_(input: Tensor) -> Tensor:
    """Replace negative elements by zero in place."""
    return relu(input, inplace=True)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return `input * sigmoid(input)`."""
    return finish(input, core_silu(kept(input, inplace)), inplace)


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


def kept(input: Tensor, inplace: bool) -> Tensor:
    """The input as a gradient will need it, which must not be overwritten."""
    return input.clone() if inplace else input


def finish(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    return input.copy_(result) if inplace else result


def softmin(input: Tensor, dim: int | None = None, dtype: DType | None = None) -> Tensor:
    """Return `softmax(-input)`."""
    return core_softmax(-input, implied_dim("softmin", input) if dim is None else dim, dtype)


def gumbel_softmax(logits: Tensor, tau: float = 1.0, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """Draw from a relaxed categorical distribution: the softmax of logits with Gumbel noise.

    Jang, Gu, Poole, "Categorical Reparameterization with Gumbel-Softmax" (2017).

    Args:
        logits: logarithms of probabilities, not normalized.
        tau: temperature; the smaller, the nearer to one class.
        hard: return one-hot vectors, with the gradient of the soft ones.
        eps: takes no part, as in PyTorch.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.gumbel_softmax(pf.zeros(2, 3), hard=True).sum(-1)
        tensor([1., 1.])
    """
    # -log of a unit exponential variable is a Gumbel variable; 1 - u lies in (0, 1], and its logarithm is finite.
    exponential = -log(1.0 - rand_like(logits))
    noise = -log(clamp(exponential, min=finfo(logits.dtype).tiny))
    soft = core_softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    places = arange(logits.shape[dim]).reshape([-1 if d == dim % logits.ndim else 1 for d in range(logits.ndim)])
    one = (places == soft.argmax(dim, keepdim=True)).to(logits.dtype)
    return one - soft.detach() + soft
