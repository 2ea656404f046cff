"""What schedulers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyflame.compilation import acts, postpone

from ..optimizer import Optimizer


class LRScheduler:
    """Sets the learning rate of each group every time `step` is called.

    A subclass says in `get_lr` how the rates follow, most from those that are set, so that schedulers can be chained
    and a rate changed by hand stays changed.

    Args:
        optimizer: whose groups' "lr" is set.
        last_epoch: how many steps were taken before, less one; -1 to start anew.

    Raises:
        TypeError: `optimizer` is none.
        KeyError: `last_epoch` is not -1 and a group has no "initial_lr".

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> class Halving(optim.LRScheduler):
        ...     def get_lr(self):
        ...         return [lr / 2**self.last_epoch for lr in self.base_lrs]
        >>> scheduler = Halving(optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0))
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    _initial = False  # whether get_lr is asked for the rates to begin with

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"[lr_scheduler] expected an optimizer, got {type(optimizer).__name__}")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError("[lr_scheduler] a group has no initial_lr: it is needed to resume at last_epoch")
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._begin()

    def get_lr(self) -> list[float]:
        """Return the learning rate of each group after `last_epoch` steps."""
        raise NotImplementedError(f"[lr_scheduler] {type(self).__name__} has no get_lr")

    def get_last_lr(self) -> list[float]:
        """Return the learning rates set last."""
        return self._last_lr

    def step(self) -> None:
        """Move on by one, usually once for each epoch after the optimizer's steps."""
        if postpone(self.step):
            return
        self._step_count += 1
        self.last_epoch += 1
        self._set(self.get_lr())

    def _begin(self) -> None:
        """Take the step from before the first epoch into it."""
        self._step_count = 0
        self._initial = True
        self.step()
        del self._initial

    def _restart(self) -> None:
        """Begin in the middle of a run, where another schedule ends."""
        self.last_epoch = 0
        self._set(self._first_lr())

    def _first_lr(self) -> list[float]:
        """Return the rates of epoch 0, whatever is set."""
        return self.get_lr()

    def _rewind(self) -> None:
        """Take back the step that `__init__` took."""
        self.last_epoch -= 1

    def _set(self, rates: Sequence[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates):
            group["lr"] = lr
        self._last_lr = self._rates()

    def _rates(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer; of functions what they keep in attributes."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` returned; the optimizer's own state holds the learning rates."""
        self.__dict__.update(state_dict)


def for_each_group(optimizer: Optimizer, name: str, value: Any) -> list[Any]:
    """Return a value for each group, of one for all or a list.

    Raises:
        ValueError: a list of another length.
    """
    groups = len(optimizer.param_groups)
    values = list(value) if isinstance(value, list | tuple) else [value] * groups
    if len(values) != groups:
        raise ValueError(f"[lr_scheduler] {len(values)} values of {name} for {groups} parameter groups")
    return values


acts(LRScheduler, "step", frozenset(), lambda scheduler: [])


def attributes(function: Any) -> dict[str, Any] | None:
    """Return what a callable object keeps; plain functions keep nothing that can be stored."""
    return None if hasattr(function, "__code__") else dict(vars(function))
