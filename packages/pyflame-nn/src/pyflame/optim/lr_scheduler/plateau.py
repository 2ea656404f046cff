"""A schedule that follows a measured value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..optimizer import Optimizer


class ReduceLROnPlateau:
    """Lowers the learning rate when a value has not improved for a while.

    Args:
        mode: "min" if smaller is better, else "max".
        factor: what the learning rate is multiplied by.
        patience: how many calls without improvement are accepted.
        threshold: how large an improvement must be to count.
        threshold_mode: "rel" to the best value, or "abs".
        cooldown: how many calls after a reduction are not counted.
        min_lr: where to stop; one number, or one for each group.
        eps: changes smaller than this are left out.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.ReduceLROnPlateau(optimizer, patience=0)
        >>> for loss in (1.0, 1.0):
        ...     scheduler.step(loss)
        >>> scheduler.get_last_lr()
        [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            raise ValueError(f"[ReduceLROnPlateau] factor is {factor}: expected a number below 1")
        if mode not in ("min", "max"):
            raise ValueError(f"[ReduceLROnPlateau] mode is {mode!r}: expected 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"[ReduceLROnPlateau] threshold_mode is {threshold_mode!r}: expected 'rel' or 'abs'")
        groups = len(optimizer.param_groups)
        self.min_lrs = list(min_lr) if isinstance(min_lr, list | tuple) else [min_lr] * groups
        if len(self.min_lrs) != groups:
            raise ValueError(f"[ReduceLROnPlateau] {len(self.min_lrs)} values of min_lr for {groups} parameter groups")
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0

    def step(self, metrics: Any) -> None:
        """Take note of a value, usually the validation loss after each epoch."""
        value = float(metrics)
        self.last_epoch += 1
        if self.is_better(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self.reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def is_better(self, value: float) -> bool:
        """Return whether the value improves on the best one by more than the threshold."""
        sign = 1.0 if self.mode == "min" else -1.0
        if self.threshold_mode == "abs":
            return sign * value < sign * self.best - self.threshold
        if math.isinf(self.best):
            return sign * value < sign * self.best
        return sign * value < sign * self.best * (1 - sign * self.threshold)

    def reduce(self) -> None:
        """Lower the learning rate of each group."""
        for group, least in zip(self.optimizer.param_groups, self.min_lrs):
            lr = max(group["lr"] * self.factor, least)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr

    def get_last_lr(self) -> list[float]:
        """Return the learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` returned."""
        self.__dict__.update(state_dict)
