"""Borders and windows, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Sequence

import pyflame as pf
from pyflame import Tensor
from pyflame.ops import col2im as fold, im2col as unfold

__all__ = ["fold", "pad", "unfold"]


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Surround a tensor by a constant or by its own elements.

    Args:
        pad: (before, after) of the last dimension, then of the one before it, and so on; negative cuts off.
        mode: "constant", "reflect", "replicate" or "circular".

    Example:
        >>> import pyflame as pf
        >>> from pyflame.nn import functional as F
        >>> F.pad(pf.tensor([[1.0, 2.0]]), (1, 0), mode="reflect")
        tensor([[2., 1., 2.]])
    """
    return pf.pad(input, pad, mode, value)
