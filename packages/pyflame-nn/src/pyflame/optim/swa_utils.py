"""Averages of weights over the course of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from pyflame import Tensor, int64, no_grad, tensor
from pyflame.nn import Module

from .lr_scheduler.scheduler import LRScheduler, for_each_group
from .optimizer import Optimizer

Average = Callable[[Tensor, Tensor, int], Tensor]
MultiAverage = Callable[[list[Tensor], list[Tensor], int], None]


def get_swa_avg_fn() -> Average:
    """Return a function of average, new value and how many values the average has, which returns the next average.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.optim import swa_utils
        >>> swa_utils.get_swa_avg_fn()(pf.tensor([1.0]), pf.tensor([4.0]), 2)
        tensor([2.])
    """

    def average(averaged: Tensor, current: Tensor, count: int) -> Tensor:
        return averaged + (current - averaged) / (count + 1)

    return average


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return a function like that of `get_swa_avg_fn`, for an exponential moving average.

    Raises:
        ValueError: `decay` is not between 0 and 1.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.optim import swa_utils
        >>> swa_utils.get_ema_avg_fn(0.5)(pf.tensor([1.0]), pf.tensor([4.0]), 2)
        tensor([2.5000])
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"[get_ema_avg_fn] decay is {decay}: expected a number from 0 to 1")

    def average(averaged: Tensor, current: Tensor, count: int) -> Tensor:
        return decay * averaged + (1 - decay) * current

    return average


def get_swa_multi_avg_fn() -> MultiAverage:
    """Return a function that moves a list of averages in place, with equal weights.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.optim import swa_utils
        >>> averages = [pf.tensor([1.0])]
        >>> swa_utils.get_swa_multi_avg_fn()(averages, [pf.tensor([4.0])], 2)
        >>> averages
        [tensor([2.])]
    """
    return for_all(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAverage:
    """Return a function that moves a list of exponential moving averages in place.

    Raises:
        ValueError: `decay` is not between 0 and 1.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.optim import swa_utils
        >>> averages = [pf.tensor([1.0])]
        >>> swa_utils.get_ema_multi_avg_fn(0.5)(averages, [pf.tensor([4.0])], 2)
        >>> averages
        [tensor([2.5000])]
    """
    return for_all(get_ema_avg_fn(decay))


def for_all(average: Average) -> MultiAverage:
    def move(averaged: list[Tensor], current: list[Tensor], count: int) -> None:
        with no_grad():
            for own, value in zip(averaged, current):
                own.copy_(average(own, value, count))

    return move


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of those the model had (Izmailov et al., 2018).

    Args:
        avg_fn: returns the next average of (average, new value, how many values it has); a plain mean unless given.
        multi_avg_fn: moves (averages, new values, how many values they have) in place, instead of `avg_fn`.
        use_buffers: average the buffers, too, in place of copying them.

    Raises:
        ValueError: both functions are given.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> model = nn.Linear(1, 1, bias=False)
        >>> averaged = optim.swa_utils.AveragedModel(model)
        >>> for value in (1.0, 4.0):
        ...     _ = nn.init.constant_(model.weight, value)
        ...     averaged.update_parameters(model)
        >>> averaged.module.weight.item()
        2.5
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: MultiAverage | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("[AveragedModel] avg_fn and multi_avg_fn are given: expected one of them")
        self.module = deepcopy(model)
        if device is not None:
            self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=int64))
        self.multi_avg_fn = multi_avg_fn or for_all(avg_fn or get_swa_avg_fn())
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the present parameters of the model into the averages."""
        averages: list[Tensor] = list(self.module.parameters())
        values = [value.detach() for value in model.parameters()]
        buffers = list(zip(self.module.buffers(), model.buffers()))
        if self.use_buffers:
            averages += [own for own, _ in buffers]
            values += [value for _, value in buffers]
            buffers = []
        count = int(self.n_averaged.item())
        with no_grad():
            if count:
                self.multi_avg_fn(averages, values, count)
            for own, value in buffers if count else [*zip(averages, values), *buffers]:
                own.copy_(value)
            self.n_averaged.copy_(self.n_averaged + 1)


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of batch normalizations anew, as plain means over the batches of a loader.

    Args:
        loader: yields inputs, or sequences that begin with the input.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> model = nn.BatchNorm1d(1)
        >>> optim.swa_utils.update_bn([pf.tensor([[1.0], [3.0]]), pf.tensor([[5.0], [7.0]])], model)
        >>> model.running_mean
        tensor([4.])
    """
    layers: list[Any] = [module for module in model.modules() if hasattr(module, "reset_running_stats")]
    momenta = [layer.momentum for layer in layers]
    if not layers:
        return
    training = model.training
    model.train()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    try:
        with no_grad():
            for batch in loader:
                x = batch[0] if isinstance(batch, list | tuple) else batch
                model(x if device is None else x.to(device))
    finally:
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum
        model.train(training)


class SWALR(LRScheduler):
    """Moves the learning rate to a constant one at which weights are averaged (Izmailov et al., 2018).

    Args:
        swa_lr: the rate to end with; one number, or one for each group.
        anneal_epochs: how many steps lead there.
        anneal_strategy: "cos" or "linear".

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter(pf.zeros(1))], lr=1.0)
        >>> scheduler = optim.swa_utils.SWALR(optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.75]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"[SWALR] anneal_strategy is {anneal_strategy!r}: expected 'cos' or 'linear'")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"[SWALR] anneal_epochs is {anneal_epochs}: expected a number of epochs")
        for group, rate in zip(optimizer.param_groups, for_each_group(optimizer, "swa_lr", swa_lr)):
            group["swa_lr"] = rate
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            lr, goal = group["lr"], group["swa_lr"]
            start = goal if before == 1 else (lr - before * goal) / (1 - before)
            rates.append(goal * now + start * (1 - now))
        return rates

    def _share(self, step: int) -> float:
        share = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return share if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * share)) / 2
