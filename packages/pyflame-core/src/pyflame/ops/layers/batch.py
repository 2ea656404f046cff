"""Batch normalization (Ioffe and Szegedy, 2015)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ... import _core
from ..half import narrow
from .normalization import need_float, operands
from .sizes import between

if TYPE_CHECKING:
    from ..._tensor import Tensor

_add = _core.ops.add
_mul = _core.ops.mul
_rsqrt = _core.ops.rsqrt
_sub = _core.ops.sub


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
        >>> pf.ops.batch_norm(pf.tensor([[1.0], [3.0]]), None, None, training=True).round(decimals=3).tolist()
        [[-1.0], [1.0]]
    """
    if training:
        return _by_batch(input, running_mean, running_var, weight, bias, momentum, eps)
    if running_mean is None or running_var is None:
        raise RuntimeError("[batch_norm] running_mean or running_var is missing: evaluation needs both")
    shape = tuple(input.shape)
    scale = between(_rsqrt(_add(running_var, eps)), shape, 1)
    if weight is not None:
        scale = _mul(scale, between(weight, shape, 1))
    return _shifted(_mul(_sub(input, between(running_mean, shape, 1)), scale), bias)


def _by_batch(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    momentum: float,
    eps: float,
) -> Tensor:
    need_float("batch_norm", input)
    shape = tuple(input.shape)
    size = math.prod(shape)
    count = size // shape[1] if shape[1] else 0
    if count == 1:
        raise ValueError(f"[batch_norm] input has shape {shape}: training needs more than one value per channel")
    if not size:  # no statistics; gradients of the parameters are zero
        return _shifted(_mul(input, 1.0 if weight is None else between(weight, shape, 1)), bias)
    output, mean, var = _core.ops.batch_norm(operands(input, weight, bias), eps)
    _move(running_mean, mean, momentum, 1.0)
    _move(running_var, var, momentum, count / (count - 1))
    return output


def _shifted(y: Tensor, bias: Tensor | None) -> Tensor:
    return y if bias is None else _add(y, between(bias, tuple(y.shape), 1))


def _move(running: Tensor | None, batch: Tensor, momentum: float, correction: float) -> None:
    """Move a running statistic towards the batch's, still lazily."""
    if running is not None:
        moved = _add(_mul(_core.detach(running), 1.0 - momentum), _mul(_core.detach(batch), momentum * correction))
        _core.assign(running, narrow(moved, running.dtype))
