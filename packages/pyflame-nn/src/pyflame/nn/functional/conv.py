"""Convolution."""

from __future__ import annotations

from pyflame import Tensor, ops, pad

Pair = int | tuple[int, int]


def pair(value: Pair) -> tuple[int, int]:
    """Return (value, value) for a number, and a pair as it is."""
    if isinstance(value, int):
        return (value, value)
    first, second = value
    return (first, second)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve images with a bank of kernels (cross-correlation, as everywhere in deep learning).

    Args:
        input: (batch, channels, height, width) or (channels, height, width)
        weight: (out_channels, channels / groups, kernel height, kernel width)
        bias: (out_channels,)
        padding: zeros added on both sides, "valid" for none, or "same" for as many as keep the size.

    Raises:
        RuntimeError: shapes do not fit.
        ValueError: `padding` is an unknown word, or "same" with a stride other than 1.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.conv2d(pf.ones(1, 1, 4, 4), pf.ones(2, 1, 3, 3), padding="same").shape
        pyflame.Size([1, 2, 4, 4])
    """
    if input.ndim == 3:
        return conv2d(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    strides, dilations = pair(stride), pair(dilation)
    if isinstance(padding, str):
        input, pads = word_padding(input, weight, strides, padding, dilations)
    else:
        pads = pair(padding)
    output = ops.conv2d(input, weight, stride=strides, padding=pads, dilation=dilations, groups=groups)
    return output if bias is None else output + bias.reshape(-1, 1, 1)


def word_padding(
    input: Tensor, weight: Tensor, strides: tuple[int, int], word: str, dilations: tuple[int, int]
) -> tuple[Tensor, tuple[int, int]]:
    """Return the input and the padding on both sides that a word stands for; an odd total is padded beforehand."""
    if word == "valid":
        return input, (0, 0)
    if word != "same":
        raise ValueError(f"[conv2d] padding is {word!r}: expected numbers, 'same' or 'valid'")
    if strides != (1, 1):
        raise ValueError(f"[conv2d] padding='same' with stride {strides}: the size can be kept with stride 1 only")
    high, wide = (d * (k - 1) for d, k in zip(dilations, weight.shape[2:]))
    if high % 2 or wide % 2:
        input = pad(input, (0, wide % 2, 0, high % 2))
    return input, (high // 2, wide // 2)
