"""Dropout (Srivastava et al., 2014)."""

from __future__ import annotations

from collections.abc import Sequence

from pyflame import Tensor, rand, zeros_like


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
        input: (batch, channels, height, width) or (channels, height, width)
    """
    if input.ndim not in (3, 4):
        raise RuntimeError(f"[dropout2d] input has shape {tuple(input.shape)}: expected three or four dimensions")
    return drop(input, (*input.shape[:-2], 1, 1), p, training, inplace, "dropout2d")


def drop(input: Tensor, mask_shape: Sequence[int], p: float, training: bool, inplace: bool, op: str) -> Tensor:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"[{op}] p is {p}: a probability lies between 0 and 1")
    if not training or p == 0.0:
        return input
    if p == 1.0:
        result = input * zeros_like(input)
    else:
        keep = (rand(mask_shape, dtype=input.dtype) >= p).to(input.dtype)
        result = input * (keep * (1.0 / (1.0 - p)))
    return input.copy_(result) if inplace else result
