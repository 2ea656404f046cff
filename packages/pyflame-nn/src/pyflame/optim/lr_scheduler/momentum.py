"""Momentum that moves against the learning rate."""

from __future__ import annotations

from typing import Any

from ..optimizer import Group, Optimizer
from .scheduler import for_each_group


def set_momentum(group: Group, value: float) -> None:
    """Set the momentum, or the first of the betas, which is the same in Adam."""
    if "betas" in group:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


def keep_range(optimizer: Optimizer, least: Any, most: Any, begin: bool) -> None:
    """Note in each group how far its momentum goes, and begin at the upper end.

    Raises:
        ValueError: the optimizer has no momentum, or lists are of another length than the groups.
    """
    if not {"momentum", "betas"} & optimizer.defaults.keys():
        raise ValueError(f"[lr_scheduler] cycle_momentum: {type(optimizer).__name__} has neither momentum nor betas")
    ends = zip(
        for_each_group(optimizer, "base_momentum", least),
        for_each_group(optimizer, "max_momentum", most),
        optimizer.param_groups,
    )
    for low, high, group in ends:
        if begin:
            set_momentum(group, high)
            group["max_momentum"], group["base_momentum"] = high, low
