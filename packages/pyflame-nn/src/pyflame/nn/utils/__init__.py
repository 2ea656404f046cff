"""Helpers for training loops."""

from __future__ import annotations

from pyflame import Tensor as _Tensor  # noqa: F401  (a missing core shows here)

from .clip_grad import (
    clip_grad_norm_ as clip_grad_norm_,
    clip_grad_value_ as clip_grad_value_,
    get_total_norm as get_total_norm,
)
