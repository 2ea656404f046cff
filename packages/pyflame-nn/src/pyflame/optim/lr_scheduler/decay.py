"""Schedules that only fall, by factors."""

from __future__ import annotations

from collections.abc import Iterable

from ..optimizer import Optimizer
from .scheduler import LRScheduler


class StepLR(LRScheduler):
    """Multiplies the learning rate by `gamma` every `step_size` epochs.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.StepLR(optimizer, step_size=2, gamma=0.1)
        >>> for _ in range(2):
        ...     scheduler.step()
        >>> [round(lr, 4) for lr in scheduler.get_last_lr()]
        [0.1]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0 or self.last_epoch % self.step_size:
            return self._rates()
        return [lr * self.gamma for lr in self._rates()]

    def _first_lr(self) -> list[float]:
        return self.base_lrs


class MultiStepLR(LRScheduler):
    """Multiplies the learning rate by `gamma` at each of the milestones; one that is listed twice counts twice.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.MultiStepLR(optimizer, milestones=[1, 3], gamma=0.1)
        >>> for _ in range(3):
        ...     scheduler.step()
        >>> [round(lr, 4) for lr in scheduler.get_last_lr()]
        [0.01]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [lr * self.gamma ** self.milestones.count(self.last_epoch) for lr in self._rates()]

    def _first_lr(self) -> list[float]:
        return [lr * self.gamma ** sum(milestone <= 0 for milestone in self.milestones) for lr in self.base_lrs]


class ExponentialLR(LRScheduler):
    """Multiplies the learning rate by `gamma` every epoch.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.ExponentialLR(optimizer, gamma=0.5)
        >>> for _ in range(3):
        ...     scheduler.step()
        >>> [round(lr, 4) for lr in scheduler.get_last_lr()]
        [0.125]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [lr * (1.0 if self._initial else self.gamma) for lr in self._rates()]

    def _first_lr(self) -> list[float]:
        return self.base_lrs


class PolynomialLR(LRScheduler):
    """Lowers the learning rate to 0 along a power of the epochs that are left of `total_iters`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.PolynomialLR(optimizer, total_iters=4, power=2.0)
        >>> for _ in range(2):
        ...     scheduler.step()
        >>> [round(lr, 4) for lr in scheduler.get_last_lr()]
        [0.25]
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self._initial or self.last_epoch > self.total_iters:
            return self._rates()
        left = 1 - self.last_epoch / self.total_iters
        before = 1 - (self.last_epoch - 1) / self.total_iters
        return [lr * (left / before) ** self.power for lr in self._rates()]

    def _first_lr(self) -> list[float]:
        return self.base_lrs
