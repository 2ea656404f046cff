"""One rise and one long fall of the learning rate."""

from __future__ import annotations

import math

from ..optimizer import Optimizer
from .momentum import keep_range, set_momentum
from .scheduler import LRScheduler, for_each_group


class OneCycleLR(LRScheduler):
    """Raises the learning rate to `max_lr` and then lowers it to almost nothing (Smith and Topin, 2019).

    Args:
        max_lr: the highest rate; one number, or one for each group.
        total_steps: how many steps the run has; or give `epochs` and `steps_per_epoch`.
        pct_start: share of the steps that leads up.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: move the momentum against the learning rate, between `base_momentum` and `max_momentum`.
        div_factor: how far below `max_lr` the rate begins.
        final_div_factor: how far below its beginning it ends.
        three_phase: fall to the beginning as fast as it rose, and then to the end.

    Raises:
        ValueError: an argument is out of range, the optimizer has no momentum to cycle, or a step too many.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.OneCycleLR(optimizer, max_lr=1.0, total_steps=10, cycle_momentum=False)
        >>> for _ in range(2):
        ...     scheduler.step()
        >>> [round(lr, 4) for lr in scheduler.get_last_lr()]
        [1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None and epochs is not None and steps_per_epoch is not None:
            total_steps = epochs * steps_per_epoch
        if not isinstance(total_steps, int) or total_steps <= 0:
            raise ValueError("[OneCycleLR] expected a positive total_steps, or epochs and steps_per_epoch")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"[OneCycleLR] pct_start is {pct_start}: expected a number from 0 to 1")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"[OneCycleLR] anneal_strategy is {anneal_strategy!r}: expected 'cos' or 'linear'")
        self.total_steps, self.anneal_strategy, self.cycle_momentum = total_steps, anneal_strategy, cycle_momentum
        top, end = float(pct_start * total_steps) - 1, total_steps - 1
        # where each phase ends, and between what it moves
        self.phases: list[tuple[float, str, str, str, str]] = [
            (top, "initial_lr", "max_lr", "max_momentum", "base_momentum")
        ]
        if three_phase:
            self.phases.append((2 * top, "max_lr", "initial_lr", "base_momentum", "max_momentum"))
            self.phases.append((end, "initial_lr", "min_lr", "max_momentum", "max_momentum"))
        else:
            self.phases.append((end, "max_lr", "min_lr", "base_momentum", "max_momentum"))
        highest = for_each_group(optimizer, "max_lr", max_lr)
        if last_epoch == -1:
            for group, high in zip(optimizer.param_groups, highest):
                first = high / div_factor
                group.update(initial_lr=first, max_lr=high, min_lr=first / final_div_factor)
        if cycle_momentum:
            keep_range(optimizer, base_momentum, max_momentum, last_epoch == -1)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ValueError(f"[OneCycleLR] step {self.last_epoch}: the schedule has {self.total_steps} steps")
        begin, phase = 0.0, self.phases[0]
        for following in self.phases[1:]:
            if self.last_epoch <= phase[0]:
                break
            begin, phase = phase[0], following
        end, low, high, first, last = phase
        share = (self.last_epoch - begin) / (end - begin)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                set_momentum(group, self._between(group[first], group[last], share))
        return [self._between(group[low], group[high], share) for group in self.optimizer.param_groups]

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (end - start) * share
        return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
