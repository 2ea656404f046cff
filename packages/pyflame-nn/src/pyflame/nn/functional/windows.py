"""Windows of images as columns, under PyTorch's names."""

from __future__ import annotations

from pyflame.ops import col2im as fold, im2col as unfold

__all__ = ["fold", "unfold"]
