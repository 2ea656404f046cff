"""Schedules given by a function of the epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..optimizer import Optimizer
from .scheduler import LRScheduler, attributes, for_each_group

Function = Callable[[int], float]


class LambdaLR(LRScheduler):
    """Multiplies the initial learning rate by what a function of the epoch returns.

    Args:
        lr_lambda: the function, or one for each group.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
        >>> for _ in range(1):
        ...     scheduler.step()
        >>> [round(lr, 4) for lr in scheduler.get_last_lr()]
        [0.5]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Function | Sequence[Function], last_epoch: int = -1) -> None:
        self.lr_lambdas: list[Function] = for_each_group(optimizer, "lr_lambda", lr_lambda)
        if not all(callable(function) for function in self.lr_lambdas):
            raise TypeError(f"[{type(self).__name__}] lr_lambda: expected functions")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base * factor(self.last_epoch) for base, factor in zip(self.base_lrs, self.lr_lambdas)]

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "lr_lambdas": [attributes(function) for function in self.lr_lambdas]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "lr_lambdas"})
        for function, kept in zip(self.lr_lambdas, state_dict["lr_lambdas"]):
            if kept:
                vars(function).update(kept)


class MultiplicativeLR(LambdaLR):
    """Multiplies the learning rate by what a function of the epoch returns.

    Args:
        lr_lambda: the function, or one for each group.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.MultiplicativeLR(optimizer, lambda epoch: 0.5)
        >>> for _ in range(2):
        ...     scheduler.step()
        >>> [round(lr, 4) for lr in scheduler.get_last_lr()]
        [0.25]
    """

    def get_lr(self) -> list[float]:
        if self._initial:
            return self._rates()
        return [lr * factor(self.last_epoch) for lr, factor in zip(self._rates(), self.lr_lambdas)]
