"""Moving elements between channels and positions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ... import _core

if TYPE_CHECKING:
    from ..._tensor import Tensor

_permute = _core.ops.permute
_reshape = _core.ops.reshape


def _checked(op: str, input: Tensor, factor: int, name: str) -> tuple[int, int, int, int]:
    """The number of planes before the channels, channels, height and width."""
    if input.ndim < 3:
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: expected (..., channels, height, width)")
    if factor < 1:
        raise RuntimeError(f"[{op}] {name} is {factor}: it must be positive")
    channels, height, width = input.shape[-3:]
    return math.prod(input.shape[:-3]), channels, height, width


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Spread groups of channels over blocks of pixels.

    Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
    Network" (2016).

    Args:
        input: (..., channels * r * r, height, width)
        upscale_factor: r.

    Returns:
        (..., channels, height * r, width * r)

    Raises:
        RuntimeError: the channels do not divide.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.pixel_shuffle(pf.arange(4.0).reshape(4, 1, 1), 2)
        tensor([[[0., 1.],
                 [2., 3.]]])
    """
    op, r = "pixel_shuffle", upscale_factor
    lead, channels, height, width = _checked(op, input, r, "upscale_factor")
    if channels % (r * r):
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: {channels} channels do not divide by {r * r}")
    x = _permute(_reshape(input, (lead, channels // (r * r), r, r, height, width)), (0, 1, 4, 2, 5, 3))
    return _reshape(x, (*input.shape[:-3], channels // (r * r), height * r, width * r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Gather blocks of pixels into channels: the inverse of `pixel_shuffle`.

    Args:
        input: (..., channels, height * r, width * r)
        downscale_factor: r.

    Returns:
        (..., channels * r * r, height, width)

    Raises:
        RuntimeError: height or width does not divide.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.pixel_unshuffle(pf.arange(4.0).reshape(1, 2, 2), 2).shape
        pyflame.Size([4, 1, 1])
    """
    op, r = "pixel_unshuffle", downscale_factor
    lead, channels, height, width = _checked(op, input, r, "downscale_factor")
    if height % r or width % r:
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: height and width do not divide by {r}")
    x = _permute(_reshape(input, (lead, channels, height // r, r, width // r, r)), (0, 1, 3, 5, 2, 4))
    return _reshape(x, (*input.shape[:-3], channels * r * r, height // r, width // r))


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleave groups of channels.

    Zhang et al., "ShuffleNet" (2018).

    Args:
        input: (batch, channels, ...) with at least three dimensions.

    Raises:
        RuntimeError: the channels do not divide.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.channel_shuffle(pf.arange(4.0).reshape(1, 4, 1), 2).reshape(-1)
        tensor([0., 2., 1., 3.])
    """
    op = "channel_shuffle"
    if input.ndim < 3:
        raise RuntimeError(f"[{op}] input has shape {tuple(input.shape)}: expected at least three dimensions")
    if groups < 1 or input.shape[1] % groups:
        raise RuntimeError(f"[{op}] {input.shape[1]} channels do not divide into {groups} groups")
    batch, channels, *rest = input.shape
    x = _permute(_reshape(input, (batch, groups, channels // groups, math.prod(rest))), (0, 2, 1, 3))
    return _reshape(x, input.shape)
