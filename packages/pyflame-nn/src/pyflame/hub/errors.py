"""What goes wrong with weights."""

from __future__ import annotations


class WeightsError(RuntimeError):
    """Weights are not registered, cannot be had, or are not what was registered."""
