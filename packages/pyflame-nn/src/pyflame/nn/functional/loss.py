"""Losses that compare element by element."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from pyflame import Tensor, clamp, exp, log, log1p, where, xlogy
from pyflame.amp import float32_inputs, in_float32
from pyflame.ops import logsigmoid

REDUCTIONS = ("mean", "sum", "none")


def reduce(op: str, loss: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"[{op}] reduction is {reduction!r}: expected one of {', '.join(REDUCTIONS)}")


def warn_broadcast(op: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"[{op}] input has shape {tuple(input.shape)}, target {tuple(target.shape)}: they are broadcast, which is "
            f"rarely meant",
            stacklevel=3,
        )


def check_same(op: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        raise ValueError(f"[{op}] input has shape {tuple(input.shape)}, target {tuple(target.shape)}: they must agree")


def weigh(op: str, loss: Tensor, input: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Reduce weighted losses; "mean" divides by the sum of the weights."""
    if weight is None:
        return reduce(op, loss, reduction)
    if weight.shape != input.shape:
        raise ValueError(f"[{op}] input has shape {tuple(input.shape)}, weight {tuple(weight.shape)}: they must agree")
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else reduce(op, loss, reduction)


@float32_inputs
def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """Return the squared difference, averaged.

    Args:
        input: any shape
        target: the same shape
        reduction: "mean", "sum" or "none"
        weight: factors of the elements, the same shape; "mean" divides by their sum.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.mse_loss(pf.tensor([1.0, 2.0]), pf.tensor([1.0, 4.0])).item()
        2.0
    """
    warn_broadcast("mse_loss", input, target)
    difference = input - target
    return weigh("mse_loss", difference * difference, input, weight, reduction)


@float32_inputs
def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """Return the absolute difference, averaged; `weight` is that of `mse_loss`."""
    warn_broadcast("l1_loss", input, target)
    return weigh("l1_loss", (input - target).abs(), input, weight, reduction)


@float32_inputs
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Return half the squared difference where it is at most `delta`, and a straight continuation beyond.

    Args:
        weight: factors of the elements; "mean" divides by their number.
    """
    if delta <= 0:
        raise RuntimeError(f"[huber_loss] delta is {delta}: expected a positive number")
    warn_broadcast("huber_loss", input, target)
    size = (input - target).abs()
    loss = where(size < delta, 0.5 * size * size, delta * (size - 0.5 * delta))
    if weight is not None:
        if weight.shape != input.shape:
            raise ValueError(
                f"[huber_loss] input has shape {tuple(input.shape)}, weight {tuple(weight.shape)}: they must agree"
            )
        loss = loss * weight
    return reduce("huber_loss", loss, reduction)


@float32_inputs
def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Return the Huber loss divided by `beta`; with beta 0, the absolute difference."""
    if beta < 0:
        raise RuntimeError(f"[smooth_l1_loss] beta is {beta}: expected a number that is not negative")
    if beta == 0:
        return l1_loss(input, target, reduction)
    return huber_loss(input, target, reduction, beta) / beta


def _log_from_100(log: Callable[[Tensor], Tensor], x: Tensor, probability: Tensor) -> Tensor:
    """A logarithm, at least -100, whose gradient is finite at 0 too: outputs of `sigmoid` do reach 0 and 1."""
    inside, value = probability >= 1e-12, x.detach()
    below = clamp(log(value), min=-100.0) + (x - value) * 1e12
    return where(inside, log(where(inside, x, 0.5)), below)


@float32_inputs
@in_float32
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """Return the cross-entropy of probabilities and targets between 0 and 1; logarithms are kept above -100."""
    check_same("binary_cross_entropy", input, target)
    likely, unlikely = _log_from_100(log, input, input), _log_from_100(log1p, -input, 1.0 - input)
    loss = -(target * likely + (1.0 - target) * unlikely)
    return reduce("binary_cross_entropy", loss if weight is None else loss * weight, reduction)


@float32_inputs
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Return the cross-entropy of `sigmoid(input)` and targets between 0 and 1, without overflow.

    Args:
        input: logits, any shape
        target: the same shape
        weight: factor of each element's loss, broadcast
        pos_weight: factor of the positive part, broadcast

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> round(F.binary_cross_entropy_with_logits(pf.zeros(3), pf.ones(3)).item(), 4)
        0.6931
    """
    op = "binary_cross_entropy_with_logits"
    check_same(op, input, target)
    if pos_weight is None:
        loss = (1.0 - target) * input - logsigmoid(input)
    else:
        loss = (1.0 - target) * input + (1.0 + (pos_weight - 1.0) * target) * -logsigmoid(input)
    return reduce(op, loss if weight is None else loss * weight, reduction)


@float32_inputs
def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Return the divergence of `target` from the log-probabilities `input`.

    Args:
        reduction: "mean", "sum", "none", or "batchmean", which divides the sum by the first dimension.
        log_target: the target consists of log-probabilities too.
    """
    loss = exp(target) * (target - input) if log_target else xlogy(target, target) - target * input
    if reduction == "batchmean":
        return loss.sum() / (input.shape[0] if input.ndim else 1)
    return reduce("kl_div", loss, reduction)
