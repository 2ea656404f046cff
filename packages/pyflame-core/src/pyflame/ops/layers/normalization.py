"""Normalization by moments of a part of the input. Half precision is computed in float32."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ... import _core
from ..._types import Sizes
from ...dtypes import finfo, float32, float64
from ..distance import norm
from ..half import narrow, wide
from ..join import pad
from ..pool import avg_pool2d
from ..rounding import clamp
from .sizes import between

if TYPE_CHECKING:
    from ..._tensor import Tensor

_add = _core.ops.add
_div = _core.ops.div
_mean = _core.ops.mean
_mul = _core.ops.mul
_reshape = _core.ops.reshape
_rsqrt = _core.ops.rsqrt
_square = _core.ops.square
_sub = _core.ops.sub


def need_float(op: str, input: Tensor) -> None:
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f"[{op}] cpu: input has dtype {input.dtype.name}: convert it to a float first")


def operands(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> list[Tensor]:
    """What the kernels take: x, and weight and bias in the dtype that x is computed in."""
    dtype = x.dtype if x.dtype.itemsize == 8 else float32
    if weight is None and bias is not None:
        weight = _core.ops.full(1.0, dtype, tuple(bias.shape))
    return [x, *(narrow(value, dtype) for value in (weight, bias) if value is not None)]


def _affine(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    y = y if weight is None else _mul(y, weight)
    return y if bias is None else _add(y, bias)


def _trailing(op: str, input: Tensor, normalized_shape: Sizes, **tensors: Tensor | None) -> list[int]:
    """The last dimensions, after checking that they have `normalized_shape` and so have weight and bias."""
    need_float(op, input)
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    rank = len(shape)
    if not rank:
        raise RuntimeError(f"[{op}] normalized_shape is empty: expected at least one size")
    if tuple(input.shape)[input.ndim - rank :] != shape or input.ndim < rank:
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: expected its last sizes to be {shape}")
    for name, value in tensors.items():
        if value is not None and tuple(value.shape) != shape:
            raise RuntimeError(f"[{op}] {name} has shape {tuple(value.shape)}: expected {shape}")
    return list(range(input.ndim - rank, input.ndim))


def layer_norm(
    input: Tensor,
    normalized_shape: Sizes,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize over the last dimensions: subtract the mean and divide by the deviation.

    Ba, Kiros, Hinton, "Layer Normalization" (2016).

    Args:
        input: (..., *normalized_shape)
        normalized_shape: the sizes of the dimensions to normalize over.
        weight: normalized_shape
        bias: normalized_shape

    Raises:
        RuntimeError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.layer_norm(pf.tensor([[1.0, 3.0]]), (2,)).round(decimals=3)
        tensor([[-1.,  1.]])
    """
    dims = _trailing("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    return _core.ops.layer_norm(operands(input, weight, bias), eps, len(dims))


def rms_norm(input: Tensor, normalized_shape: Sizes, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """Divide by the root of the mean square over the last dimensions.

    Zhang, Sennrich, "Root Mean Square Layer Normalization" (2019).

    Args:
        input: (..., *normalized_shape)
        weight: normalized_shape
        eps: None for the distance from 1 to the next number of the dtype.

    Raises:
        RuntimeError: shapes do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.rms_norm(pf.tensor([3.0, 3.0]), (2,))
        tensor([1., 1.])
    """
    dims = _trailing("rms_norm", input, normalized_shape, weight=weight)
    small = finfo(float64 if input.dtype.itemsize == 8 else float32).eps if eps is None else eps
    return _core.ops.rms_norm(operands(input, weight, None), small, len(dims))


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalize each group of channels of each sample.

    Wu, He, "Group Normalization" (2018).

    Args:
        input: (batch, channels, ...)
        num_groups: divides the channels.
        weight: (channels,)
        bias: (channels,)

    Raises:
        RuntimeError: shapes do not fit.
        ValueError: there is one value for each group.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.group_norm(pf.tensor([[1.0, 3.0, 5.0, 9.0]]), 2).round(decimals=3)
        tensor([[-1.,  1., -1.,  1.]])
    """
    op = "group_norm"
    need_float(op, input)
    if input.ndim < 2:
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: expected (batch, channels, ...)")
    batch, channels = input.shape[:2]
    if num_groups < 1 or channels % num_groups:
        raise RuntimeError(f"[{op}] {channels} channels do not divide into {num_groups} groups")
    check_channels(op, channels, weight=weight, bias=bias)
    size = math.prod(input.shape) // (batch * num_groups) if batch else 0
    if batch * size == 1:
        raise ValueError(f"[{op}] input has shape {tuple(input.shape)}: more than one value per group is needed")
    return _core.ops.group_norm(operands(input, weight, bias), eps, num_groups)


def check_channels(op: str, channels: int, **tensors: Tensor | None) -> None:
    for name, value in tensors.items():
        if value is not None and tuple(value.shape) != (channels,):
            raise RuntimeError(f"[{op}] {name} has shape {tuple(value.shape)}: expected ({channels},)")


def _along(value: Tensor | None, like: Tensor) -> Tensor | None:
    return None if value is None else between(value, tuple(like.shape), 1)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel of each sample over its positions.

    Ulyanov, Vedaldi, Lempitsky, "Instance Normalization: The Missing Ingredient for Fast Stylization" (2016).

    Args:
        input: (batch, channels, positions...)
        running_mean: (channels,), moved towards the mean over the batch when `use_input_stats`.
        running_var: (channels,), moved likewise by the unbiased variance.
        weight: (channels,)
        bias: (channels,)
        use_input_stats: normalize by the input's own moments, not the running ones.

    Raises:
        RuntimeError: shapes do not fit, or running statistics are missing.
        ValueError: there is one value per channel and sample.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.instance_norm(pf.tensor([[[1.0, 3.0]]])).round(decimals=3)
        tensor([[[-1.,  1.]]])
    """
    op = "instance_norm"
    need_float(op, input)
    if input.ndim < 2:
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: expected (batch, channels, ...)")
    channels = input.shape[1]
    check_channels(op, channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    x = wide(input)
    if use_input_stats:
        dims = list(range(2, input.ndim))
        count = math.prod(input.shape[2:])
        if count == 1:
            raise ValueError(
                f"[{op}] input has shape {tuple(input.shape)}: more than one value per channel and sample is needed"
            )
        mean = _mean(x, dims, True)
        centred = _sub(x, mean)
        var = _mean(_square(centred), dims, True)
        _move(running_mean, mean, momentum, 1.0)
        _move(running_var, var, momentum, count / (count - 1) if count > 1 else 1.0)
        y = _mul(centred, _rsqrt(_add(var, eps)))
    elif running_mean is None or running_var is None:
        raise RuntimeError(
            f"[{op}] running_mean or running_var is missing: without the input's moments both are needed"
        )
    else:
        centred = _sub(x, _along(running_mean, x))
        y = _mul(centred, _rsqrt(_add(_along(running_var, x), eps)))
    return narrow(_affine(y, _along(weight, y), _along(bias, y)), input.dtype)


def _move(running: Tensor | None, found: Tensor, momentum: float, correction: float) -> None:
    """Move a running statistic towards the mean over the batch, still lazily; its value before is the first operand."""
    if running is not None:
        batch = _reshape(_mean(_core.detach(found), 0, False), (-1,))
        moved = _add(_mul(_core.detach(running), 1.0 - momentum), _mul(batch, momentum * correction))
        _core.assign(running, narrow(moved, running.dtype))


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Divide by a power of the mean square of neighbouring channels.

    Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural Networks" (2012).

    Args:
        input: (batch, channels, ...) with at least three dimensions.
        size: how many channels the mean is over.

    Raises:
        ValueError: the input has too few dimensions.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.local_response_norm(pf.ones(1, 1, 1), 1, alpha=3.0, beta=0.5)
        tensor([[[0.5000]]])
    """
    if input.ndim < 3:
        raise ValueError(
            f"[local_response_norm] input has shape {tuple(input.shape)}: expected at least three dimensions"
        )
    if not math.prod(input.shape):
        return input
    squares = _reshape(_square(input), (input.shape[0], 1, input.shape[1], -1))
    around = pad(squares, (0, 0, size // 2, (size - 1) // 2))
    means = _reshape(avg_pool2d(around, (size, 1), 1), input.shape)
    return _div(input, _core.ops.pow(_add(_mul(means, alpha), k), beta))


def normalize(
    input: Tensor, p: float = 2.0, dim: int | Sequence[int] = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """Divide by the p-norm along a dimension.

    Args:
        eps: the least that is divided by.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.normalize(pf.tensor([[3.0, 4.0]]))
        tensor([[0.6000, 0.8000]])
    """
    result: Tensor = _div(input, clamp(norm(input, p, dim, True), min=eps))
    return result if out is None else out.copy_(result)
