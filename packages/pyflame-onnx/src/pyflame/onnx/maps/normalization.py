"""Normalisations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyflame as pf
from pyflame import Tensor
from pyflame.nn import functional as F

from ..values import axis_of, number
from .creation import generator_of
from .registry import maps


@maps("BatchNormalization", 7)
def batch_norm_by_place(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    var: Tensor,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    spatial: int = 1,
) -> Tensor:
    if spatial:
        return F.batch_norm(x, mean, var, scale, bias, False, 0.0, epsilon)
    return (x - mean) * pf.rsqrt(var + epsilon) * scale + bias


@maps("BatchNormalization", 9)
def batch_norm_with_statistics(
    x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor, *, epsilon: float = 1e-5, momentum: float = 0.9
) -> Tensor:
    return F.batch_norm(x, mean, var, scale, bias, False, 0.0, epsilon)


@maps("BatchNormalization", 14, 15)
def batch_norm(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    var: Tensor,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
) -> Tensor | tuple[Tensor, ...]:
    if not training_mode:
        return F.batch_norm(x, mean, var, scale, bias, False, 0.0, epsilon)
    axes = [axis for axis in range(x.ndim) if axis != 1]
    now_mean, now_var = pf.mean(x, axes), pf.var(x, axes, correction=0)
    y = F.batch_norm(x, now_mean, now_var, scale, bias, False, 0.0, epsilon)
    kept = 1 - momentum
    return y, mean * momentum + now_mean * kept, var * momentum + now_var * kept


@maps("InstanceNormalization", 6, 22)
def instance_norm(x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float = 1e-5) -> Tensor:
    return F.instance_norm(x, weight=scale, bias=bias, eps=epsilon)


@maps("GroupNormalization", 21)
def group_norm(
    x: Tensor, scale: Tensor, bias: Tensor, *, num_groups: int, epsilon: float = 1e-5, stash_type: int = 1
) -> Tensor:
    return F.group_norm(x, num_groups, scale, bias, epsilon)


@maps("LayerNormalization", 17, counts_outputs=True)
def layer_norm(
    x: Tensor,
    scale: Tensor,
    bias: Tensor | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
    outputs: int = 1,
) -> Tensor | tuple[Tensor, ...]:
    axis = axis_of(axis, x.ndim, "LayerNormalization")
    last = tuple(x.shape[axis:])
    fits = tuple(scale.shape) == last and (bias is None or tuple(bias.shape) == last)
    if outputs == 1 and fits and x.dtype == scale.dtype:
        return F.layer_norm(x, last, scale, bias, epsilon)
    axes = list(range(axis, x.ndim))
    wide = pf.cast(x, pf.float32) if x.dtype.itemsize < 4 else x
    mean = pf.mean(wide, axes, True)
    scatter = pf.rsqrt(pf.var(wide, axes, correction=0, keepdim=True) + epsilon)
    y = pf.cast((wide - mean) * scatter, x.dtype) * scale
    return (y if bias is None else y + bias, mean, scatter)[:outputs]


@maps("RMSNormalization", 23)
def rms_norm(x: Tensor, scale: Tensor, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1) -> Tensor:
    axis = axis_of(axis, x.ndim, "RMSNormalization")
    wide = pf.cast(x, pf.float32) if x.dtype.itemsize < 4 else x
    size = pf.rsqrt(pf.mean(wide * wide, list(range(axis, x.ndim)), True) + epsilon)
    return pf.cast(wide * size, scale.dtype) * scale


@maps("MeanVarianceNormalization", 9, 13)
def mean_variance_norm(x: Tensor, *, axes: Sequence[int] = (0, 2, 3)) -> Tensor:
    over = list(axes)
    mean = pf.mean(x, over, True)
    spread = pf.sqrt(pf.mean(x * x, over, True) - mean * mean)
    return (x - mean) / (spread + 1e-9)


@maps("LpNormalization", 1, 22)
def lp_norm(x: Tensor, *, axis: int = -1, p: int = 2) -> Tensor:
    size = pf.sum(pf.abs(x), axis, True) if p == 1 else pf.sqrt(pf.sum(x * x, axis, True))
    return pf.where(pf.eq(size, 0), pf.zeros_like(x), x / size)


@maps("LRN", 1, 13)
def local_response_norm(x: Tensor, *, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0) -> Tensor:
    before, channels = (size - 1) // 2, x.shape[1]
    square = x * x
    ends = [0] * (2 * (x.ndim - 2)) + [before, size - 1 - before]
    padded = pf.pad(square, ends)
    total = pf.narrow(padded, 1, 0, channels)
    for shift in range(1, size):
        total = total + pf.narrow(padded, 1, shift, channels)
    return x / pf.pow(bias + alpha / size * total, beta)


@maps("Dropout", 7, 10, counts_outputs=True)
def dropout_of_inference(x: Tensor, *, ratio: float = 0.5, outputs: int = 1) -> Tensor | tuple[Tensor, Tensor]:
    return x if outputs == 1 else (x, pf.ones_like(x, dtype=pf.bool_))


@maps("Dropout", 12, 13, 22, host=("ratio", "training_mode"), counts_outputs=True)
def dropout(
    x: Tensor, ratio: object = None, training_mode: object = None, *, seed: int | None = None, outputs: int = 1
) -> Tensor | tuple[Tensor, Tensor]:
    share = 0.5 if ratio is None else float(number(ratio))
    if training_mode is None or not number(training_mode) or share == 0.0:
        return x if outputs == 1 else (x, pf.ones_like(x, dtype=pf.bool_))
    generator = generator_of(None if seed is None else float(seed))
    kept = pf.rand(tuple(x.shape), generator=generator) >= share
    scale = 0.0 if math.isclose(share, 1.0) else 1.0 / (1.0 - share)
    y = x * pf.cast(kept, x.dtype) * scale
    return y if outputs == 1 else (y, kept)
