"""Accumulation that changes over the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .callback import Callback, Logs


class GradientAccumulationScheduler(Callback):
    """Sets, from given epochs on, how many batches make an optimizer step.

    Args:
        scheduling: epoch, from 0 -> number of batches; before the first of them the trainer's setting holds.

    Raises:
        ValueError: an epoch is negative, or a number is not positive.

    Example:
        >>> from pyflame.training import GradientAccumulationScheduler
        >>> small_then_large = GradientAccumulationScheduler({0: 1, 4: 8})
    """

    def __init__(self, scheduling: Mapping[int, int]) -> None:
        for epoch, batches in scheduling.items():
            if epoch < 0 or batches < 1:
                raise ValueError(
                    f"[GradientAccumulationScheduler] {{{epoch}: {batches}}}: expected epochs from 0 on, and at least "
                    "1 batch for each step"
                )
        self.scheduling = dict(scheduling)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        begun = [start for start in self.scheduling if start <= epoch]
        if begun:
            kw["trainer"].progress.accumulation = self.scheduling[max(begun)]
