"""A linear warm-up before another schedule."""

from __future__ import annotations

from ..optimizer import Optimizer
from .combined import CombinedScheduler
from .scheduler import LRScheduler


class WarmupLR(CombinedScheduler):
    """Raises the learning rate in equal steps to its initial value, then follows another scheduler if there is one.

    Args:
        warmup_steps: after how many steps the initial rate is reached.
        start_factor: with what share of it to begin.
        after: a scheduler of the same optimizer; it begins when the warm-up ends.

    Raises:
        ValueError: an argument is out of range, or `after` needs a metric or belongs to another optimizer.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.WarmupLR(optimizer, warmup_steps=4, after=optim.ExponentialLR(optimizer, 0.5))
        >>> for _ in range(3):
        ...     scheduler.step()
        >>> [round(lr, 4) for lr in scheduler.get_last_lr()]
        [0.75]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        warmup_steps: int,
        start_factor: float = 0.0,
        after: LRScheduler | None = None,
        last_epoch: int = -1,
    ) -> None:
        if warmup_steps < 0 or not 0 <= start_factor <= 1:
            raise ValueError(
                f"[WarmupLR] warmup_steps is {warmup_steps}, start_factor {start_factor}: expected a number of steps "
                "and a factor from 0 to 1"
            )
        self._keep(optimizer, [] if after is None else [after])
        self.warmup_steps, self.start_factor = warmup_steps, start_factor
        LRScheduler.__init__(self, optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.warmup_steps:
            return self._rates()
        share = self.last_epoch / self.warmup_steps if self.warmup_steps else 1.0
        return [lr * (self.start_factor + (1 - self.start_factor) * share) for lr in self.base_lrs]

    def step(self) -> None:
        """Take a step of the warm-up, or of the scheduler after it."""
        if self.last_epoch + 1 < self.warmup_steps or not self._schedulers:
            return super().step()
        self._step_count += 1
        self.last_epoch += 1
        after = self._schedulers[0]
        if self.last_epoch == self.warmup_steps:
            after._restart()
        else:
            after.step()
        self._last_lr = self._rates()

    def _rewind(self) -> None:
        self.last_epoch -= 1
