"""Batch normalization (Ioffe and Szegedy, 2015)."""

from __future__ import annotations

import math

from pyflame import Tensor, no_grad, ops, rsqrt, square


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel: by the batch's statistics in training, which also moves the running ones, else by those.

    Args:
        input: (batch, channels, ...)
        running_mean: (channels,), updated in training to `(1 - momentum) * running_mean + momentum * mean`.
        running_var: (channels,), updated likewise with the unbiased variance.
        weight: (channels,)
        bias: (channels,)

    Raises:
        ValueError: training with one value per channel.
        RuntimeError: evaluation without running statistics.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.batch_norm(pf.tensor([[1.0], [3.0]]), None, None, training=True).round(decimals=3).tolist()
        [[-1.0], [1.0]]
    """
    shape = (-1,) + (1,) * (input.ndim - 2)
    if training:
        count = math.prod(input.shape) // input.shape[1] if input.shape[1] else 0
        if count == 1:
            raise ValueError(
                f"[batch_norm] input has shape {tuple(input.shape)}: training needs more than one value per channel"
            )
        if not input.numel():
            return without_values(input, weight, bias)
        dims = [0, *range(2, input.ndim)]
        mean = input.mean(dims, keepdim=True)
        centred = input - mean
        var = square(centred).mean(dims, keepdim=True)
        with no_grad():
            move(running_mean, mean, momentum, 1.0)
            move(running_var, var, momentum, count / (count - 1) if count > 1 else 1.0)
        scale = rsqrt(var + eps)
    elif running_mean is None or running_var is None:
        raise RuntimeError("[batch_norm] running_mean or running_var is missing: evaluation needs both")
    else:
        centred = input - running_mean.reshape(shape)
        scale = rsqrt(running_var + eps).reshape(shape)
    if weight is not None:
        scale = scale * weight.reshape(shape)
    output = centred * scale
    return output if bias is None else output + bias.reshape(shape)


def without_values(input: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """A batch without values has no statistics; it stays one, with gradients of zero for the parameters."""
    shape = (-1,) + (1,) * (input.ndim - 2)
    output = input * 1.0 if weight is None else input * weight.reshape(shape)
    return output if bias is None else output + bias.reshape(shape)


def move(running: Tensor | None, batch: Tensor, momentum: float, correction: float) -> None:
    """Move a running statistic towards the batch's, still lazily."""
    if running is not None:
        moved = running * (1.0 - momentum) + batch.reshape(-1) * (momentum * correction)
        ops.assign(running, moved.to(running.dtype))
