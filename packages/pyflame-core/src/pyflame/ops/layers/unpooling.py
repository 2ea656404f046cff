"""Putting pooled elements back, and pooling by random windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ... import _core
from ...dtypes import int64
from ..creation import zeros
from ..random import rand
from ..scattering import scatter
from .pooling import check_rank
from .sizes import Extent, spread

if TYPE_CHECKING:
    from ..._tensor import Tensor

_add = _core.ops.add
_cast = _core.ops.cast
_gather = _core.ops.gather
_mul = _core.ops.mul
_reshape = _core.ops.reshape


def _unpooled_size(
    op: str, input: Tensor, count: int, kernel_size: Extent, stride: Extent | None, padding: Extent, asked: Any
) -> list[int]:
    kernel = spread(op, "kernel_size", kernel_size, count)
    steps = kernel if stride is None else spread(op, "stride", stride, count)
    around = spread(op, "padding", padding, count)
    natural = [(input.shape[input.ndim - count + i] - 1) * steps[i] + kernel[i] - 2 * around[i] for i in range(count)]
    if asked is None:
        return natural
    size = list(asked)[2:] if len(asked) == count + 2 else list(asked)
    if len(size) != count:
        raise ValueError(f"[{op}] output_size has {len(asked)} values: expected {count} or {count + 2}")
    if not all(natural[i] - steps[i] < size[i] < natural[i] + steps[i] for i in range(count)):
        raise ValueError(f"[{op}] output_size is {size}: each must be less than stride {steps} away from {natural}")
    return size


def _unpool(
    op: str,
    count: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Extent,
    stride: Extent | None,
    padding: Extent,
    output_size: Sequence[int] | None,
) -> Tensor:
    check_rank(op, input, count)
    size = _unpooled_size(op, input, count, kernel_size, stride, padding, output_size)
    if indices.dtype is not int64:
        raise RuntimeError(f"[{op}] indices have dtype {indices.dtype.name}: expected int64")
    if indices.shape != input.shape:
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}, indices {tuple(indices.shape)}: must agree")
    lead = tuple(input.shape)[: input.ndim - count]
    planes, each = math.prod(lead), math.prod(tuple(input.shape)[input.ndim - count :])
    base = zeros(planes, math.prod(size), dtype=input.dtype)
    flat = scatter(base, 1, _reshape(indices, (planes, each)), _reshape(input, (planes, each)))
    return _reshape(flat, (*lead, *size))


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Extent,
    stride: Extent | None = None,
    padding: Extent = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put the results of `max_pool1d` back where they came from, among zeros.

    Args:
        input: (batch, channels, length) or (channels, length).
        indices: what `max_pool1d` returned beside it.
        output_size: to choose among the lengths that pool to the same one.

    Raises:
        ValueError: no input of that size would have been pooled to this one.
        RuntimeError: the shapes differ.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.max_unpool1d(pf.tensor([[4.0, 3.0]]), pf.tensor([[1, 3]]), 2)
        tensor([[0., 4., 0., 3.]])
    """
    return _unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Extent,
    stride: Extent | None = None,
    padding: Extent = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put the results of `max_pool2d` back where they came from, among zeros.

    Args:
        input: (batch, channels, height, width) or (channels, height, width).
        indices: what `max_pool2d` returned beside it.
        output_size: to choose among the sizes that pool to the same one.

    Raises:
        ValueError: no input of that size would have been pooled to this one.
        RuntimeError: the shapes differ.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.max_unpool2d(pf.tensor([[[4.0]]]), pf.tensor([[[2]]]), 2)
        tensor([[[0., 0.],
                 [4., 0.]]])
    """
    return _unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Extent,
    stride: Extent | None = None,
    padding: Extent = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put the results of `max_pool3d` back where they came from, among zeros.

    Args:
        input: (batch, channels, depth, height, width) or (channels, depth, height, width).
        indices: what `max_pool3d` returned beside it.
        output_size: to choose among the sizes that pool to the same one.

    Raises:
        ValueError: no input of that size would have been pooled to this one.
        RuntimeError: the shapes differ.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.max_unpool3d(pf.ones(1, 1, 1, 1), pf.tensor([[[[3]]]]), 2).reshape(-1)
        tensor([0., 0., 0., 1., 0., 0., 0., 0.])
    """
    return _unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


def _random_starts(sample: Tensor, extent: int, count: int, kernel: int) -> Tensor:
    """Where the windows of each plane begin, (planes, count): pseudo-random steps that sum to the whole."""
    last = _core.ops.full(extent - kernel, int64, (sample.shape[0], 1))
    if count == 1:
        return last
    step = (extent - kernel) / (count - 1)
    column = _reshape(sample, (-1, 1))
    places = _cast(_core.ops.arange_int(0, 1, count - 1, int64), sample.dtype)
    ahead = _cast(_mul(_add(column, places), step), int64)
    return _core.ops.cat([_core.ops.sub(ahead, _cast(_mul(column, step), int64)), last], 1)


def _fractional(
    op: str,
    count: int,
    input: Tensor,
    kernel_size: Extent,
    output_size: Extent | None,
    output_ratio: float | Sequence[float] | None,
    return_indices: bool,
    samples: Tensor | None,
) -> Any:
    if (output_size is None) == (output_ratio is None):
        raise ValueError(f"[{op}] exactly one of output_size and output_ratio is needed")
    check_rank(op, input, count)
    kernel = spread(op, "kernel_size", kernel_size, count)
    sizes = tuple(input.shape)[input.ndim - count :]
    lead = tuple(input.shape)[: input.ndim - count]
    planes = math.prod(lead)
    if output_ratio is not None:
        ratios = [output_ratio] * count if isinstance(output_ratio, (int, float)) else list(output_ratio)
        if len(ratios) != count or not all(0 < ratio < 1 for ratio in ratios):
            raise ValueError(f"[{op}] output_ratio is {output_ratio}: expected {count} numbers between 0 and 1")
        out = tuple(int(size * ratio) for size, ratio in zip(sizes, ratios))
    else:
        out = spread(op, "output_size", output_size or 0, count)
    room = count == 3  # PyTorch asks for one more element in volumes
    if min(out) < 1 or min(kernel) < 1 or any(o + k - 1 + room > s for o, k, s in zip(out, kernel, sizes)):
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: {out} windows of {kernel} do not fit")
    if samples is None:
        samples = rand(planes, count, dtype=input.dtype)
    elif samples.numel() != planes * count:
        raise RuntimeError(f"[{op}] _random_samples has shape {tuple(samples.shape)}: expected {count} for each plane")
    else:
        samples = _reshape(samples, (planes, count))
    flat: Any = None
    rank = 2 * count
    for k in range(count):
        # PyTorch draws for the width first in planes, for the depth first in volumes.
        which = count - 1 - k if count == 2 else k
        sample = _reshape(_core.ops.slice(samples, 1, which, 1, 1), (planes,))
        starts = _random_starts(sample, sizes[k], out[k], kernel[k])
        shape = [planes, *[1] * rank]
        shape[1 + k] = out[k]
        taps = [1] * (rank + 1)
        taps[1 + count + k] = kernel[k]
        places = _add(_reshape(starts, shape), _reshape(_core.ops.arange_int(0, 1, kernel[k], int64), taps))
        flat = places if flat is None else _add(_mul(flat, sizes[k]), places)
    windows, each = math.prod(out), math.prod(kernel)
    index = _reshape(flat, (planes, windows * each))
    taken = _reshape(_gather(_reshape(input, (planes, math.prod(sizes))), index, 1), (planes, windows, each))
    chosen = _core.ops.argmax(taken, 2, True)
    values = _reshape(_gather(taken, chosen, 2), (*lead, *out))
    if not return_indices:
        return values
    return values, _reshape(_gather(_reshape(index, (planes, windows, each)), chosen, 2), (*lead, *out))


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Extent,
    output_size: Extent | None = None,
    output_ratio: float | Sequence[float] | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Take the largest element of windows at pseudo-random places.

    Graham, "Fractional Max-Pooling" (2014).

    Args:
        input: (batch, channels, height, width) or (channels, height, width).
        output_size: of the result; or `output_ratio`, its share of the input's size, between 0 and 1.
        return_indices: return the positions in the flattened planes too.
        _random_samples: (batch, channels, 2), numbers in [0, 1) in place of random ones.

    Raises:
        ValueError: not exactly one of size and ratio is given.
        RuntimeError: the windows do not fit.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.fractional_max_pool2d(pf.ones(1, 5, 5), 2, output_size=3).shape
        pyflame.Size([1, 3, 3])
    """
    options = (kernel_size, output_size, output_ratio, return_indices, _random_samples)
    return _fractional("fractional_max_pool2d", 2, input, *options)


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Extent,
    output_size: Extent | None = None,
    output_ratio: float | Sequence[float] | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Take the largest element of windows at pseudo-random places in volumes; as `fractional_max_pool2d`.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.fractional_max_pool3d(pf.ones(1, 5, 5, 5), 2, output_ratio=0.5).shape
        pyflame.Size([1, 2, 2, 2])
    """
    options = (kernel_size, output_size, output_ratio, return_indices, _random_samples)
    return _fractional("fractional_max_pool3d", 3, input, *options)
