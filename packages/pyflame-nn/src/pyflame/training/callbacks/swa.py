"""Averaged weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyflame import Tensor
from pyflame.nn.batchnorm import BatchNorm
from pyflame.optim.swa_utils import SWALR, AveragedModel, update_bn

from .callback import Callback, Logs

if TYPE_CHECKING:
    from ..trainer import Trainer


class StochasticWeightAveraging(Callback):
    """Averages the weights of the last epochs, which often generalise better (Izmailov et al., 2018).

    From `swa_start` on the learning rate moves to `swa_lr`, instead of where the trainer's scheduler would have it, and
    the weights after each epoch go into an average. At the end the model gets the averaged weights, and the running
    statistics of its batch normalizations are computed anew on the training data.

    Args:
        swa_start: the first epoch that is averaged, from 0, or as a share of all epochs.
        swa_lr: the learning rate while averaging; None leaves it as it is.
        anneal_epochs: how many epochs lead to it.
        anneal_strategy: "cos" or "linear".

    Raises:
        ValueError: `swa_start` is out of range.

    Example:
        >>> from pyflame.training import StochasticWeightAveraging
        >>> averaging = StochasticWeightAveraging(swa_start=0.75, swa_lr=1e-2)
    """

    def __init__(
        self,
        swa_start: int | float = 0.8,
        swa_lr: float | None = None,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
    ) -> None:
        if not (0 <= swa_start <= 1 if isinstance(swa_start, float) else swa_start >= 0):
            raise ValueError(f"[StochasticWeightAveraging] swa_start is {swa_start}: expected an epoch, or a share")
        self.swa_start, self.swa_lr = swa_start, swa_lr
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        self.average: AveragedModel | None = None
        self._schedule: SWALR | None = None
        self._trainer: Trainer | None = None

    def _first(self, trainer: Trainer) -> int:
        if isinstance(self.swa_start, float):
            return min(int(self.swa_start * trainer.config.max_epochs), trainer.config.max_epochs - 1)
        return self.swa_start

    def on_train_begin(self, trainer: Trainer, **kw: Any) -> None:
        self.average, self._schedule, self._trainer = None, None, trainer

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        if self.average is None and epoch >= self._first(kw["trainer"]):
            self._begin(kw["trainer"])

    def _begin(self, trainer: Trainer) -> None:
        self.average = AveragedModel(trainer.needed("model"))
        if self.swa_lr is not None:
            self._schedule = SWALR(
                trainer.needed("optimizer"),
                self.swa_lr,
                anneal_epochs=self.anneal_epochs,
                anneal_strategy=self.anneal_strategy,
            )
            trainer.scheduler_paused = True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        if self.average is None or kw["trainer"].progress.cut_short:
            return
        self.average.update_parameters(kw["trainer"].model)
        if self._schedule is not None:
            self._schedule.step()

    def on_train_end(self, trainer: Trainer, **kw: Any) -> None:
        if self.average is None or not self.average.n_averaged.item():
            return
        model = trainer.needed("model")
        averaged = dict(self.average.module.named_parameters())
        model.load_state_dict({**model.state_dict(), **{name: value.detach() for name, value in averaged.items()}})
        if any(isinstance(module, BatchNorm) for module in model.modules()):
            update_bn(trainer.train_loader, model)

    def state_dict(self) -> dict[str, Any]:
        if self.average is None:
            return {}
        schedule = None if self._schedule is None else self._schedule.state_dict()
        return {"average": self.average.state_dict(), "schedule": schedule}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if not state or self._trainer is None:
            return
        groups = self._trainer.needed("optimizer").param_groups
        rates: list[dict[str, Any]] = [dict(group) for group in groups]
        self._begin(self._trainer)
        for group, before in zip(groups, rates):  # a schedule that begins sets rates, which the checkpoint knows
            group.update(before)
        if self.average is not None:
            self.average.load_state_dict(dict[str, Tensor](state["average"]))
        if self._schedule is not None and state["schedule"] is not None:
            self._schedule.load_state_dict(state["schedule"])
