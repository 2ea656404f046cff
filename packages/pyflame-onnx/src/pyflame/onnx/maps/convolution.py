"""Convolutions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import pyflame as pf
from pyflame import Tensor
from pyflame.nn import functional as F

from ..values import Array, ints
from .registry import maps

CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
CONVOLVE_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def spatial(x: Tensor, op: str, least: int = 1, most: int = 3) -> int:
    """Return the number of spatial dimensions: all but batch and channels.

    Raises:
        NotImplementedError: there are none, or more than three.
    """
    count = x.ndim - 2
    if not least <= count <= most:
        raise NotImplementedError(f"[{op}] of {count} spatial dimensions has no map: {least} to {most} have")
    return count


def padding_of(
    auto_pad: str,
    pads: Sequence[int] | None,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> tuple[list[int], list[int]]:
    """Return what to pad before and after each spatial dimension."""
    count = len(sizes)
    if auto_pad in ("NOTSET", ""):
        given = [0] * (2 * count) if pads is None else list(pads)
        if len(given) != 2 * count:
            raise ValueError(f"[pads] {len(given)} numbers for {count} spatial dimensions: two for each are needed")
        return given[:count], given[count:]
    if auto_pad == "VALID":
        return [0] * count, [0] * count
    if auto_pad not in ("SAME_UPPER", "SAME_LOWER"):
        raise ValueError(f"[auto_pad] {auto_pad!r} is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER")
    before, after = [], []
    for size, extent, stride, dilation in zip(sizes, kernel, strides, dilations):
        total = max((-(-size // stride) - 1) * stride + (extent - 1) * dilation + 1 - size, 0)
        small = total // 2
        before.append(small if auto_pad == "SAME_UPPER" else total - small)
        after.append(total - small if auto_pad == "SAME_UPPER" else small)
    return before, after


def pad_spatial(x: Tensor, before: Sequence[int], after: Sequence[int], value: float = 0.0) -> Tensor:
    """Pad the trailing dimensions; negative amounts crop."""
    ends = [amount for pair in zip(reversed(before), reversed(after)) for amount in pair]
    return pf.pad(x, ends, value=value) if any(ends) else x


@maps("Conv", 1, 11, 22)
def conv(
    x: Tensor,
    w: Tensor,
    bias: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Tensor:
    count = spatial(x, "Conv")
    stride = tuple(strides or [1] * count)
    dilation = tuple(dilations or [1] * count)
    before, after = padding_of(auto_pad, pads, x.shape[2:], w.shape[2:], stride, dilation)
    if before != after:
        x, before = pad_spatial(x, before, after), [0] * count
    return CONVOLVE[count](x, w, bias, stride, tuple(before), dilation, group)


@maps("ConvTranspose", 1, 11, 22)
def conv_transpose(
    x: Tensor,
    w: Tensor,
    bias: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    output_padding: Sequence[int] | None = None,
    output_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Tensor:
    count = spatial(x, "ConvTranspose")
    stride, dilation = list(strides or [1] * count), list(dilations or [1] * count)
    extra = list(output_padding or [0] * count)
    full = [
        (size - 1) * step + (extent - 1) * gap + 1 + more
        for size, step, extent, gap, more in zip(x.shape[2:], stride, w.shape[2:], dilation, extra)
    ]
    if output_shape is not None or auto_pad.startswith("SAME"):
        wanted = list(output_shape or [size * step for size, step in zip(x.shape[2:], stride)])[-count:]
        cut = [have - want for have, want in zip(full, wanted)]
        small = [amount // 2 for amount in cut]
        large = [amount - less for amount, less in zip(cut, small)]
        before, after = (small, large) if auto_pad == "SAME_UPPER" else (large, small)
    else:
        before, after = padding_of(auto_pad, pads, x.shape[2:], w.shape[2:], stride, dilation)
    # The whole result first: output_padding may exceed the stride here, and pads may differ from side to side.
    whole = CONVOLVE_TRANSPOSED[count](x, w, bias, tuple(stride), 0, 0, group, tuple(dilation))
    after = [less - more for less, more in zip(after, extra)]
    grown = pad_spatial(whole, [max(-n, 0) for n in before], [max(-n, 0) for n in after])
    if bias is not None and grown is not whole:  # what lies beyond the kernel's reach is bias alone
        bare = CONVOLVE_TRANSPOSED[count](x, w, None, tuple(stride), 0, 0, group, tuple(dilation))
        grown = pad_spatial(bare, [max(-n, 0) for n in before], [max(-n, 0) for n in after])
        grown = grown + pf.reshape(bias, (1, bias.shape[0], *[1] * count))
    return pad_spatial(grown, [-max(n, 0) for n in before], [-max(n, 0) for n in after])


@maps("Col2Im", 18, host=("image_shape", "block_shape"))
def col2im(
    x: Tensor,
    image_shape: Any,
    block_shape: Any,
    *,
    dilations: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Tensor:
    image, block = ints(image_shape), ints(block_shape)
    count = len(image)
    step, gap = list(strides or [1] * count), list(dilations or [1] * count)
    before, after = padding_of("NOTSET", pads, image, block, step, gap)
    padded = [size + lead + trail for size, lead, trail in zip(image, before, after)]
    places = positions(padded, block, step, gap)
    batch, channels = x.shape[0], x.shape[1] // places.shape[0]
    flat = pf.zeros((batch * channels, math.prod(padded)), dtype=x.dtype)
    values = pf.reshape(x, (batch * channels, places.size))
    summed = pf.index_add(flat, 1, pf.from_numpy(places.reshape(-1)), values)
    whole = pf.reshape(summed, (batch, channels, *padded))
    return pad_spatial(whole, [-n for n in before], [-n for n in after])


def positions(sizes: Sequence[int], block: Sequence[int], step: Sequence[int], gap: Sequence[int]) -> Array:
    """Return where each element of each block lies in the flattened image: (elements, blocks)."""
    place: Array = np.zeros((1, 1), np.int64)
    for size, extent, stride, dilation in zip(sizes, block, step, gap):
        windows = (size - (extent - 1) * dilation - 1) // stride + 1
        if windows < 1:
            raise ValueError(f"[Col2Im] a block of {extent} does not fit into {size} elements")
        along = np.arange(extent)[:, None] * dilation + np.arange(windows)[None, :] * stride
        place = place[:, None, :, None] * size + along[None, :, None, :]
        place = place.reshape(place.shape[0] * extent, place.shape[2] * windows)
    return place
