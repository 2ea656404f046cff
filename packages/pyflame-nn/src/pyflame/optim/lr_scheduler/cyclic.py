"""Learning rates that go up and down."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ..optimizer import Optimizer
from .momentum import keep_range, set_momentum
from .scheduler import LRScheduler, attributes, for_each_group

MODES = ("triangular", "triangular2", "exp_range")


class CyclicLR(LRScheduler):
    """Moves the learning rate up and down between two ends (Smith, 2017).

    Args:
        base_lr: lower end; one number, or one for each group.
        max_lr: upper end, likewise.
        step_size_up: how many steps lead up.
        step_size_down: how many lead down; as many as up unless given.
        mode: "triangular" keeps the height, "triangular2" halves it with each cycle, "exp_range" multiplies it by
            `gamma` with each step.
        scale_fn: a function for the height in place of `mode`.
        scale_mode: whether that function is given the number of the "cycle" or of "iterations".
        cycle_momentum: move the momentum against the learning rate, between `base_momentum` and `max_momentum`.

    Raises:
        ValueError: `mode` is unknown, the optimizer has no momentum to cycle, or a list is of the wrong length.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.CyclicLR(optimizer, base_lr=0.1, max_lr=1.0, step_size_up=3, cycle_momentum=False)
        >>> for _ in range(4):
        ...     scheduler.step()
        >>> [round(lr, 4) for lr in scheduler.get_last_lr()]
        [0.7]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        if mode not in MODES and scale_fn is None:
            raise ValueError(f"[CyclicLR] mode is {mode!r}: expected one of {', '.join(MODES)}, or a scale_fn")
        base_lrs = for_each_group(optimizer, "base_lr", base_lr)
        self.max_lrs = for_each_group(optimizer, "max_lr", max_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs):
                group["lr"] = lr
        self.total_size = float(step_size_up + (step_size_up if step_size_down is None else step_size_down))
        self.step_ratio = step_size_up / self.total_size
        self.mode, self.gamma, self.cycle_momentum = mode, gamma, cycle_momentum
        self.scale_mode = scale_mode if scale_fn else "iterations" if mode == "exp_range" else "cycle"
        self._scale_fn_custom = scale_fn
        if cycle_momentum:
            keep_range(optimizer, base_momentum, max_momentum, last_epoch == -1)
            self.base_momentums = for_each_group(optimizer, "base_momentum", base_momentum)
            self.max_momentums = for_each_group(optimizer, "max_momentum", max_momentum)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """Return the height of a cycle, as a share of the first one's."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return self.gamma**x if self.mode == "exp_range" else 0.5 ** (x - 1)

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums):
                set_momentum(group, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs)]

    def state_dict(self) -> dict[str, Any]:
        function = self._scale_fn_custom
        return {**super().state_dict(), "_scale_fn_custom": None if function is None else attributes(function)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "_scale_fn_custom"})
        if state_dict["_scale_fn_custom"]:
            vars(self._scale_fn_custom).update(state_dict["_scale_fn_custom"])
