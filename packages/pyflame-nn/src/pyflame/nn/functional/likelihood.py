"""Negative logarithms of likelihoods."""

from __future__ import annotations

import math

from pyflame import Tensor, clamp, exp, full_like, log, square, where
from pyflame.amp import float32_inputs

from .loss import reduce

__all__ = ["gaussian_nll_loss", "poisson_nll_loss"]


@float32_inputs
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log-likelihood of counts under Poisson distributions, without the factorial.

    Args:
        input: logarithms of the rates, or the rates with `log_input=False`.
        target: counts
        full: add the factorial's approximation by Stirling, for counts above 1.
        eps: added to a rate before its logarithm is taken.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.poisson_nll_loss(pf.zeros(2), pf.tensor([1.0, 2.0])).item()
        1.0
    """
    loss = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        counts = where(target > 1, target, 2.0)
        loss = loss + where(target > 1, counts * log(counts) - counts + 0.5 * log(2 * math.pi * counts), 0.0)
    return reduce("poisson_nll_loss", loss, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log-likelihood of the target under normal distributions.

    Args:
        input: means
        target: the same shape
        var: variances, of the input's shape, or with one dimension missing or of size 1; less than `eps` counts as it.
        full: add the constant.

    Raises:
        ValueError: `var` does not fit, or is a negative number.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.gaussian_nll_loss(pf.zeros(2), pf.tensor([1.0, 3.0]), pf.ones(2)).item()
        2.5
    """
    op = "gaussian_nll_loss"
    if not isinstance(var, Tensor):
        if var < 0:
            raise ValueError(f"[{op}] var is {var}: a variance is not negative")
        var = full_like(input, var)
    if var.shape != input.shape:
        differing = [b for a, b in zip(input.shape, var.shape) if a != b]
        if tuple(var.shape) == tuple(input.shape)[:-1]:
            var = var.unsqueeze(-1)
        elif var.ndim != input.ndim or differing != [1]:
            raise ValueError(f"[{op}] input has shape {tuple(input.shape)}, var {tuple(var.shape)}: they do not fit")
    # The bound changes the value only: the gradient passes as if there were none.
    var = var + (clamp(var, min=eps) - var).detach()
    loss = 0.5 * (log(var) + square(input - target) / var)
    return reduce(op, loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)
