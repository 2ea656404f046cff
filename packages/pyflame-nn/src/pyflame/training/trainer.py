"""The training loop."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from pyflame import Tensor, cat, manual_seed, no_grad, save
from pyflame.nn import Module
from pyflame.nn.utils import clip_grad_norm_, clip_grad_value_
from pyflame.optim import Optimizer, ReduceLROnPlateau

from .callbacks import Callback, CallbackList, ProgressBar
from .config import TrainerConfig
from .measures import Means, Metrics, named, number
from .state import History, Logs, TrainerState


class Trainer:
    """Trains a model: loops over epochs and batches, measures, and calls callbacks on the way.

    Subclasses may override `training_step` and `validation_step`. A batch is (input, target); a metric is a function of
    the model's output and the target that returns the batch's mean.

    Args:
        model: the module to train; it and the others may also be given to `fit`.
        config: settings.
        optimizer: of the model's parameters.
        criterion: the loss, a function of output and target.
        scheduler: its `step` is called after each epoch, with the validation loss if it asks for a value.
        metrics: name -> function, measured on the validation data.
        callbacks: called at the events of the run.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> from pyflame.data import DataLoader, TensorDataset
        >>> from pyflame.training import Trainer, TrainerConfig
        >>> x = pf.tensor([[0.0], [1.0], [2.0]])
        >>> model = nn.Linear(1, 1)
        >>> trainer = Trainer(
        ...     model,
        ...     TrainerConfig(max_epochs=200, enable_progress_bar=False),
        ...     optimizer=optim.SGD(model.parameters(), lr=0.2),
        ...     criterion=nn.MSELoss(),
        ... )
        >>> history = trainer.fit(train_loader=DataLoader(TensorDataset(x, 2 * x + 1), batch_size=3))
        >>> model(pf.tensor([[3.0]])).round(decimals=2).item()
        7.0
    """

    def __init__(
        self,
        model: Module | None = None,
        config: TrainerConfig | None = None,
        *,
        optimizer: Optimizer | None = None,
        criterion: Any = None,
        scheduler: Any = None,
        metrics: Metrics | None = None,
        callbacks: Iterable[Callback] = (),
    ) -> None:
        self.model, self.optimizer, self.criterion, self.scheduler = model, optimizer, criterion, scheduler
        self.config = config or TrainerConfig()
        self.metrics = named(metrics)
        self.train_loader: Any = None
        self.val_loader: Any = None
        self.state, self.history = TrainerState(), History()
        own = list(callbacks)
        if self.config.enable_progress_bar and not any(isinstance(callback, ProgressBar) for callback in own):
            own.append(ProgressBar())
        self.callbacks = CallbackList(own, self)

    def fit(
        self,
        model: Module | None = None,
        train_loader: Any = None,
        val_loader: Any = None,
        optimizer: Optimizer | None = None,
        criterion: Any = None,
        scheduler: Any = None,
    ) -> History:
        """Train the model; what is given here replaces what the constructor was given.

        Args:
            train_loader: yields batches (input, target).
            val_loader: evaluated after each epoch; its measurements are logged as `val_...`.

        Raises:
            ValueError: the model, the data, the optimizer or the criterion is missing.
        """
        given = {
            "model": model,
            "train_loader": train_loader,
            "val_loader": val_loader,
            "optimizer": optimizer,
            "criterion": criterion,
            "scheduler": scheduler,
        }
        self.__dict__.update({name: value for name, value in given.items() if value is not None})
        for name in ("model", "train_loader", "optimizer", "criterion"):
            if getattr(self, name) is None:
                raise ValueError(f"[fit] there is no {name}: give it to fit or to the Trainer")
        return self.train()

    def train(self) -> History:
        """Train with the model, data, optimizer and criterion given before."""
        config = self.config
        if config.seed is not None:
            manual_seed(config.seed)
        self.state, self.history = TrainerState(), History()
        self.callbacks.on_train_begin(self)
        try:
            for epoch in range(1 if config.fast_dev_run else config.max_epochs):
                self.state.epoch = epoch
                self._epoch(epoch)
                if self.state.should_stop:
                    break
        except BaseException as error:
            self.callbacks.on_exception(self, error)
            raise
        self.callbacks.on_train_end(self)
        return self.history

    def _epoch(self, epoch: int) -> None:
        self.callbacks.on_epoch_begin(epoch, {})
        logs = self._train_epoch()
        if self.val_loader is not None:
            logs |= {f"val_{name}": value for name, value in self.evaluate(self.val_loader).items()}
        if self.scheduler is not None:
            self._step_scheduler(logs)
        self.state.logs = logs
        self.history.epochs.append(logs)
        if self.config.save_dir is not None and (epoch + 1) % self.config.save_every_n_epochs == 0:
            self._save(epoch)
        self.callbacks.on_epoch_end(epoch, logs)

    def _train_epoch(self) -> Logs:
        config, state, means = self.config, self.state, Means()
        model, optimizer = self._needed("model"), self._needed("optimizer")
        model.train()
        batches = limited(self.train_loader, 1 if config.fast_dev_run else config.limit_train_batches)
        waiting = 0  # batches whose gradients are not part of a step yet
        for index, batch in enumerate(batches):
            state.batch_idx = index
            self.callbacks.on_batch_begin(index, {})
            if waiting == 0:
                optimizer.zero_grad()
            loss = self.training_step(batch)
            (loss if config.gradient_accumulation_steps == 1 else loss / config.gradient_accumulation_steps).backward()
            waiting += 1
            if waiting == config.gradient_accumulation_steps:
                self._step()
                waiting = 0
            logs = {"loss": loss.item()}
            means.add(logs, batch_size(batch))
            state.logs = logs
            if waiting == 0 and state.global_step % config.log_every_n_steps == 0:
                self.history.steps.append({"step": state.global_step, **logs})
            self.callbacks.on_batch_end(index, logs)
            if config.max_steps is not None and state.global_step >= config.max_steps:
                state.should_stop = True
            if state.should_stop:
                break
        if waiting:
            self._step()
        return means.compute()

    def _step(self) -> None:
        config, optimizer = self.config, self._needed("optimizer")
        if config.gradient_clip_val is not None:
            parameters = [param for group in optimizer.param_groups for param in group["params"]]
            clip = clip_grad_norm_ if config.gradient_clip_algorithm == "norm" else clip_grad_value_
            clip(parameters, config.gradient_clip_val)
        optimizer.step()
        self.state.global_step += 1
        self.callbacks.on_step_end(self)

    def _step_scheduler(self, logs: Logs) -> None:
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(logs.get("val_loss", logs["loss"]))
        else:
            self.scheduler.step()

    def _save(self, epoch: int) -> None:
        folder = Path(str(self.config.save_dir))
        folder.mkdir(parents=True, exist_ok=True)
        save(self.model, folder / f"epoch-{epoch + 1}.safetensors", metadata={"epoch": str(epoch + 1)})

    def _needed(self, name: str) -> Any:
        value = getattr(self, name)
        if value is None:
            raise ValueError(f"[trainer] there is no {name}: give it to the Trainer")
        return value

    def training_step(self, batch: Any) -> Tensor:
        """Return the loss of a batch."""
        input, target = batch
        return self._needed("criterion")(self._needed("model")(input), target)

    def validation_step(self, batch: Any) -> Logs:
        """Return the measurements of a batch, as means over its items."""
        input, target = batch
        output = self._needed("model")(input)
        values = {} if self.criterion is None else {"loss": self.criterion(output, target)}
        values |= {name: metric(output, target) for name, metric in self.metrics.items()}
        return {name: number(value) for name, value in values.items()}

    def evaluate(self, loader: Any = None) -> Logs:
        """Return the mean loss and metrics over the data of a loader, the validation data if None."""
        if loader is None:
            loader = self._needed("val_loader")
        means, mode = Means(), self._needed("model").training
        limit = 1 if self.config.fast_dev_run else self.config.limit_val_batches
        self.callbacks.on_validation_begin(self)
        self._needed("model").eval()
        try:
            with no_grad():
                for index, batch in enumerate(limited(loader, limit)):
                    self.callbacks.on_validation_batch_begin(index, {})
                    logs = self.validation_step(batch)
                    means.add(logs, batch_size(batch))
                    self.callbacks.on_validation_batch_end(index, logs)
        finally:
            self._needed("model").train(mode)
        result = means.compute()
        self.callbacks.on_validation_end(self, result)
        return result

    def validate(self, loader: Any = None) -> Logs:
        """The same as `evaluate`."""
        return self.evaluate(loader)

    def predict(self, loader: Any) -> Tensor:
        """Return the model's outputs for all batches of a loader; targets in the batches are ignored."""
        model = self._needed("model")
        mode = model.training
        model.eval()
        try:
            with no_grad():
                outputs = [model(batch[0] if isinstance(batch, list | tuple) else batch) for batch in loader]
                return cat(outputs).eval()
        finally:
            model.train(mode)


def limited(loader: Iterable[Any], count: int | None) -> Iterable[Any]:
    return loader if count is None else islice(loader, count)


def batch_size(batch: Any) -> int:
    """The length of the first tensor in a batch."""
    while isinstance(batch, list | tuple | dict):
        batch = next(iter(batch.values() if isinstance(batch, dict) else batch))
    return int(batch.shape[0]) if isinstance(batch, Tensor) and batch.ndim else 1
