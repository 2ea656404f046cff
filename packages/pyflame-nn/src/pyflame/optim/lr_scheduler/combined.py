"""Schedules made of other schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from ..optimizer import Optimizer
from .scheduler import LRScheduler


class CombinedScheduler(LRScheduler):
    """Keeps other schedulers, and their states in its own."""

    def _keep(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler]) -> None:
        for number, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise ValueError(
                    f"[{type(self).__name__}] scheduler {number} is a {type(scheduler).__name__}: expected one that "
                    "steps without arguments"
                )
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"[{type(self).__name__}] scheduler {number} belongs to another optimizer")
        self.optimizer, self._schedulers = optimizer, list(schedulers)

    def _rewind(self) -> None:
        for scheduler in self._schedulers:
            scheduler._rewind()

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "_schedulers"})
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"]):
            scheduler.load_state_dict(state)


class ChainedScheduler(CombinedScheduler):
    """Steps several schedulers at once, each on the rates the one before it has set.

    Raises:
        ValueError: no schedulers, one that needs a metric, or schedulers of different optimizers.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.ChainedScheduler([optim.StepLR(optimizer, 2), optim.ExponentialLR(optimizer, 0.5)])
        >>> for _ in range(2):
        ...     scheduler.step()
        >>> [round(lr, 4) for lr in scheduler.get_last_lr()]
        [0.025]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if not schedulers:
            raise ValueError("[ChainedScheduler] no schedulers: expected at least one")
        self._keep(optimizer or schedulers[0].optimizer, schedulers)
        self._last_lr = self._rates()

    def step(self) -> None:
        """Step each of the schedulers."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._rates()


class SequentialLR(CombinedScheduler):
    """Follows several schedulers one after the other.

    Args:
        milestones: the epochs at which the second and later schedulers begin.

    Raises:
        ValueError: the milestones are not one fewer than the schedulers, a scheduler needs a metric, or schedulers
            belong to different optimizers.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> parts = [optim.ConstantLR(optimizer, 0.1), optim.ExponentialLR(optimizer, 0.5)]
        >>> scheduler = optim.SequentialLR(optimizer, parts, milestones=[2])
        >>> for _ in range(3):
        ...     scheduler.step()
        >>> [round(lr, 4) for lr in scheduler.get_last_lr()]
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        if not schedulers or len(milestones) != len(schedulers) - 1:
            raise ValueError(f"[SequentialLR] {len(milestones)} milestones for {len(schedulers)} schedulers")
        self._keep(optimizer, schedulers)
        self._milestones, self.last_epoch = list(milestones), last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self._rewind()
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._begin()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:
        """Step the scheduler whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()
