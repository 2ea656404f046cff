"""Schedules that are formulas of the number of steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..optimizer import Optimizer
from .scheduler import LRScheduler


class LambdaLR(LRScheduler):
    """Multiplies the initial learning rate by what a function of the epoch returns.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = len(optimizer.param_groups)
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"[LambdaLR] {len(self.lr_lambdas)} functions for {groups} parameter groups")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base * factor(self.last_epoch) for base, factor in zip(self.base_lrs, self.lr_lambdas)]


class StepLR(LRScheduler):
    """Multiplies the learning rate by `gamma` every `step_size` epochs.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.StepLR(optimizer, step_size=2, gamma=0.1)
        >>> for _ in range(2):
        ...     scheduler.step()
        >>> scheduler.get_last_lr()
        [0.1]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        # Each rate follows from the one before, so that a rate changed by hand stays changed, as in PyTorch.
        move = self.last_epoch and self.last_epoch % self.step_size == 0
        return [group["lr"] * (self.gamma if move else 1.0) for group in self.optimizer.param_groups]


class CosineAnnealingLR(LRScheduler):
    """Lowers the learning rate to `eta_min` along half a cosine of `T_max` epochs (Loshchilov and Hutter, 2017).

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.CosineAnnealingLR(optimizer, T_max=10)
        >>> for _ in range(5):
        ...     scheduler.step()
        >>> round(scheduler.get_last_lr()[0], 6)
        0.5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        share = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]
