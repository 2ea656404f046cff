"""What schedulers that follow a formula share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..optimizer import Optimizer


class LRScheduler:
    """Sets the learning rate of each group by a formula of how often `step` was called.

    Args:
        optimizer: whose groups' "lr" is set.
        last_epoch: how many steps were taken before, less one; -1 to start anew.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError("[lr_scheduler] a group has no initial_lr: it is needed to resume at last_epoch")
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._last_lr: list[float] = []
        self.step()

    def get_lr(self) -> list[float]:
        """Return the learning rate of each group after `last_epoch` steps."""
        raise NotImplementedError(f"[lr_scheduler] {type(self).__name__} has no get_lr")

    def get_last_lr(self) -> list[float]:
        """Return the learning rates set last."""
        return self._last_lr

    def step(self) -> None:
        """Move on by one, usually once for each epoch after the optimizer's steps."""
        self.last_epoch += 1
        self._last_lr = self.get_lr()
        for group, lr in zip(self.optimizer.param_groups, self._last_lr):
            group["lr"] = lr

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer and what cannot be stored, such as functions."""
        return {
            key: value for key, value in self.__dict__.items() if key != "optimizer" and not key.endswith("lambdas")
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` returned; the optimizer's own state holds the learning rates."""
        self.__dict__.update(state_dict)
