"""Modules as functions of their parameters."""

from __future__ import annotations

from pyflame import Tensor as _Tensor  # noqa: F401  (a missing core shows here)

from .functional_call import functional_call as functional_call
