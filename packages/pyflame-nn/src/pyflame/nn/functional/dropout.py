"""Dropout (Srivastava et al., 2014)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

from pyflame import Tensor, rand, zeros_like

ALPHA = 1.7580993408473766  # what `selu` tends to, with the sign changed


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set each element to zero with probability `p` and divide the others by `1 - p`; outside training, do nothing.

    Raises:
        ValueError: `p` is not between 0 and 1.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> sorted(set(F.dropout(pf.ones(1000), p=0.5).tolist()))
        [0.0, 2.0]
    """
    return drop(input, input.shape, p, training, inplace, "dropout")


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set whole channels to zero with probability `p` and divide the others by `1 - p`.

    Args:
        input: (batch, channels, height, width) or (channels, height, width); with a warning (batch, channels)
    """
    check_probability("dropout2d", p)
    if input.ndim == 2:
        warnings.warn(
            f"[dropout2d] input has shape {tuple(input.shape)}: each of its channels is one number; use dropout",
            stacklevel=2,
        )
        return drop(input, input.shape, p, training, inplace, "dropout2d")
    if input.ndim not in (3, 4):
        raise RuntimeError(f"[dropout2d] input has shape {tuple(input.shape)}: expected three or four dimensions")
    return drop(input, (*input.shape[:-2], 1, 1), p, training, inplace, "dropout2d")


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set whole channels to zero with probability `p` and divide the others by `1 - p`.

    Args:
        input: (batch, channels, length) or (channels, length)
    """
    check_probability("dropout1d", p)
    if input.ndim not in (2, 3):
        raise RuntimeError(f"[dropout1d] input has shape {tuple(input.shape)}: expected two or three dimensions")
    return drop(input, (*input.shape[:-1], 1), p, training, inplace, "dropout1d")


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set whole channels to zero with probability `p` and divide the others by `1 - p`.

    Args:
        input: (batch, channels, depth, height, width) or (channels, depth, height, width)
    """
    check_probability("dropout3d", p)
    if input.ndim not in (4, 5):
        raise RuntimeError(f"[dropout3d] input has shape {tuple(input.shape)}: expected four or five dimensions")
    return drop(input, (*input.shape[:-3], 1, 1, 1), p, training, inplace, "dropout3d")


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Set each element to the least value of `selu` with probability `p`, and keep mean and variance.

    Klambauer et al., "Self-Normalizing Neural Networks" (2017).

    Raises:
        ValueError: `p` is not between 0 and 1.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> abs(F.alpha_dropout(pf.randn(10000), 0.3, training=True).mean().item()) < 0.1
        True
    """
    return drop_to_alpha(input, input.shape, p, training, inplace, "alpha_dropout")


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Set whole channels to the least value of `selu` with probability `p`, and keep mean and variance.

    Args:
        input: (batch, channels, ...)
    """
    if input.ndim < 2:
        raise RuntimeError(
            f"[feature_alpha_dropout] input has shape {tuple(input.shape)}: expected (batch, channels, ...)"
        )
    mask_shape = (*input.shape[:2], *[1] * (input.ndim - 2))
    return drop_to_alpha(input, mask_shape, p, training, inplace, "feature_alpha_dropout")


def check_probability(op: str, p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"[{op}] p is {p}: a probability lies between 0 and 1")


def drop_to_alpha(input: Tensor, mask_shape: Sequence[int], p: float, training: bool, inplace: bool, op: str) -> Tensor:
    check_probability(op, p)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        result = input * zeros_like(input)
    else:
        scale = 1.0 / math.sqrt((ALPHA * ALPHA * p + 1.0) * (1.0 - p))
        keep = (rand(mask_shape, dtype=input.dtype) >= p).to(input.dtype)
        result = input * (keep * scale) + ((keep - 1.0) * (ALPHA * scale) + ALPHA * scale * p)
    return input.copy_(result) if inplace else result


def drop(input: Tensor, mask_shape: Sequence[int], p: float, training: bool, inplace: bool, op: str) -> Tensor:
    check_probability(op, p)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        result = input * zeros_like(input)
    else:
        keep = (rand(mask_shape, dtype=input.dtype) >= p).to(input.dtype)
        result = input * (keep * (1.0 / (1.0 - p)))
    return input.copy_(result) if inplace else result
