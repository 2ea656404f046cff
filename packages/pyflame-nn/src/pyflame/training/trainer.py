"""The trainer: what users call and override."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyflame as pf
from pyflame import Checkpoint, CompilationInfo, Tensor, cat, load_checkpoint, no_grad, save_checkpoint
from pyflame.distributed import barrier, get_rank
from pyflame.metrics import Metric
from pyflame.nn import Module
from pyflame.optim import Optimizer

from . import batches, resume
from .callbacks import Callback, CallbackList, ModelCheckpoint, ProgressBar, as_callback
from .config import TrainerConfig
from .loop import TrainingLoop
from .measures import Means, Metrics, merged, named, number
from .precision import Precision
from .state import History, Logs, Progress, TrainerState


class Trainer:
    """Trains a model: loops over epochs and batches, measures, saves, and calls callbacks on the way.

    Subclasses may override `training_step` and `validation_step`; as they stand, a batch is (input, target).

    Args:
        model: the module to train; it and the others may also be given to `fit`.
        config: settings.
        optimizer: of the model's parameters.
        scheduler: its `step` is called after each epoch, with the validation loss if it asks for a value.
        criterion: the loss, a function of output and target.
        metrics: measured on the validation data, by name: `pyflame.metrics` objects, or functions of the model's output
            and the target that return the batch's mean.
        callbacks: called at the events of the run.
        logger: one more callback, or an object with `log_metrics(metrics, step)`, or a list of these.
        args: the settings as a dict, or a `TrainerConfig`, instead of `config`.

    Raises:
        ValueError: both `config` and `args` are given.

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
        scheduler: Any = None,
        criterion: Any = None,
        metrics: Metrics | None = None,
        callbacks: Iterable[Callback] = (),
        logger: Any = None,
        args: TrainerConfig | Mapping[str, Any] | None = None,
    ) -> None:
        if config is not None and args is not None:
            raise ValueError("[Trainer] config and args are both given: they are two names for the settings")
        self.model, self.optimizer, self.criterion, self.scheduler = model, optimizer, criterion, scheduler
        given = config if args is None else args
        self.config = TrainerConfig(**given) if isinstance(given, Mapping) else given or TrainerConfig()
        self.metrics = named(metrics)
        self.train_loader: Any = None
        self.val_loader: Any = None
        self.state, self.history, self.progress = TrainerState(), History(), Progress()
        self.streams: dict[str, Any] = {}
        """Where random streams stood when the present epoch began."""
        self.scheduler_paused = False
        """Whether a callback sets learning rates in place of the scheduler."""
        self.precision = Precision(self.config)
        self.plan: CompilationInfo | None = None
        """What `compile_only` has built."""
        self._resumed: Checkpoint | None = None
        loggers = logger if isinstance(logger, list | tuple) else [] if logger is None else [logger]
        own = [*callbacks, *map(as_callback, loggers)]
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
        ckpt_path: str | os.PathLike[str] | None = None,
    ) -> History:
        """Train the model; what is given here replaces what the constructor was given.

        Args:
            train_loader: yields batches (input, target).
            val_loader: evaluated after each epoch; its measurements are logged as `val_...`.
            ckpt_path: a checkpoint to go on from; "last" means the latest of this run's folder, and begins anew if
                there is none.

        Raises:
            ValueError: the model, the data, the optimizer or the criterion is missing.
            SerializationError: the checkpoint is damaged.
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
        for name in ("model", "train_loader", "optimizer"):
            if getattr(self, name) is None:
                raise ValueError(f"[fit] there is no {name}: give it to fit or to the Trainer")
        if self.criterion is None and type(self).training_step is Trainer.training_step:
            raise ValueError("[fit] there is no criterion: give it to fit or to the Trainer")
        self._save_as_configured()
        if ckpt_path == "last":
            ckpt_path = self._latest()
        if ckpt_path is not None:
            self.load_checkpoint(ckpt_path)
        return self.train()

    def train(self) -> History:
        """Train with the model, data, optimizer and criterion given before, or go on from a loaded checkpoint."""
        checkpoint, self._resumed = self._resumed, None
        self.scheduler_paused = False
        self._save_as_configured()
        if self.config.seed is not None:
            pf.manual_seed(self.config.seed)
        if checkpoint is None:
            self.state, self.history = TrainerState(), History()
            self.progress = Progress(accumulation=self.config.gradient_accumulation_steps)
            self.precision = Precision(self.config)
        loop = TrainingLoop(self, checkpoint)
        with self._settings(training=True):
            if self.config.compile_only:
                self.plan = loop.compile()
                return self.history
            self.callbacks.on_train_begin(self)
            if checkpoint is not None:
                resume.restore_run(self, checkpoint)
            try:
                loop.run()
            except BaseException as error:
                self.callbacks.on_exception(self, error)
                raise
            self.callbacks.on_train_end(self)
        return self.history

    @contextmanager
    def _settings(self, training: bool = False) -> Iterator[None]:
        """What the configuration says about all computations."""
        config, before = self.config, pf.are_deterministic_algorithms_enabled()
        with ExitStack() as stack:
            if config.accelerator != "auto":
                stack.enter_context(pf.use_backend(config.accelerator))
            if config.detect_anomaly and training:
                stack.enter_context(pf.autograd.detect_anomaly())
            if config.deterministic:
                pf.use_deterministic_algorithms(True)
                stack.callback(pf.use_deterministic_algorithms, before)
            yield

    def _save_as_configured(self) -> None:
        """Have checkpoints saved where the configuration says."""
        config = self.config
        if config.save_dir is None or config.fast_dev_run:
            return
        monitor = "loss" if self.val_loader is None else "val_loss"
        for callback in self.callbacks:
            if isinstance(callback, ModelCheckpoint) and callback.configured:
                callback.monitor = monitor
                return
        own = ModelCheckpoint(
            config.save_dir,
            monitor=monitor,
            save_top_k=config.save_top_k,
            save_last=True,
            every_n_epochs=config.save_every_n_epochs,
        )
        own.configured = True
        self.callbacks.append(own)

    def _latest(self) -> Path | None:
        """The `last.pf` of the folder that this run saves to; None if it has not saved yet.

        Raises:
            ValueError: it saves nowhere.
        """
        folders = [c.dirpath for c in self.callbacks if isinstance(c, ModelCheckpoint) and c.save_last]
        if not folders:
            raise ValueError(
                "[fit] ckpt_path is 'last', but nothing saves last.pf: set save_dir, or use "
                "ModelCheckpoint(save_last=True)"
            )
        path = folders[0] / ModelCheckpoint.LAST
        return path if path.exists() else None

    @property
    def num_training_batches(self) -> int | None:
        """How many batches an epoch has, None if the loader does not know."""
        return batches.count(self.train_loader, self.config.limit_train_batches, self.config, "limit_train_batches")

    @property
    def logs_due(self) -> bool:
        """Whether the last batch's measurements belong into logs of steps."""
        return self.progress.waiting == 0 and self.state.global_step % self.config.log_every_n_steps == 0

    @property
    def is_main_process(self) -> bool:
        """Whether this process is the one that prints and writes."""
        return get_rank() == 0

    def needed(self, name: str) -> Any:
        """Return an attribute.

        Raises:
            ValueError: it was not given.
        """
        value = getattr(self, name)
        if value is None:
            raise ValueError(f"[trainer] there is no {name}: give it to the Trainer")
        return value

    def training_step(self, batch: Any) -> Any:
        """Return the loss of a batch, or a dict with `loss` and other numbers to log."""
        input, target = pair(batch, "training_step")
        return self.needed("criterion")(self.needed("model")(input), target)

    def validation_step(self, batch: Any) -> Any:
        """Return the measurements of a batch, as means over its items; `Metric` objects take it in themselves."""
        input, target = pair(batch, "validation_step")
        output = self.needed("model")(input)
        values = {} if self.criterion is None else {"loss": self.criterion(output, target)}
        for name, metric in self.metrics.items():
            if isinstance(metric, Metric):
                metric.update(output, target)
            else:
                values[name] = metric(output, target)
        return values

    def evaluate(self, loader: Any = None) -> Logs:
        """Return the mean loss and metrics over the data of a loader, the validation data if None.

        Raises:
            ValueError: there is no loader.
        """
        if loader is None:
            loader = self.needed("val_loader")
        model, means, mode = self.needed("model"), Means(), self.needed("model").training
        objects = {name: metric for name, metric in self.metrics.items() if isinstance(metric, Metric)}
        for metric in objects.values():
            metric.reset()
        limit = batches.count(loader, self.config.limit_val_batches, self.config, "limit_val_batches")
        self.callbacks.on_validation_begin(self)
        model.eval()
        try:
            with self._settings(), no_grad():
                for index, batch in enumerate(batches.taken(loader, limit)):
                    self.callbacks.on_validation_batch_begin(index, {})
                    with self.precision.forward():
                        result = self.validation_step(batches.placed(batch, self.config.mesh_layout))
                    values = result if isinstance(result, Mapping) else {"loss": result}
                    logs = {name: number(value) for name, value in values.items()}
                    means.add(logs, batches.size_of(batch))
                    self.callbacks.on_validation_batch_end(index, logs)
        finally:
            model.train(mode)
        found = means.compute() if means.count else {}
        totals = {name: merged(metric) for name, metric in objects.items()}
        found |= {name: number(metric.compute()) for name, metric in totals.items() if metric.update_count}
        self.callbacks.on_validation_end(self, found)
        self.callbacks.on_evaluate(self, found)
        return found

    def validate(self, loader: Any = None) -> Logs:
        """The same as `evaluate`."""
        return self.evaluate(loader)

    def test(self, loader: Any) -> Logs:
        """Return what `evaluate` measures on other data, as `test_...`."""
        return {f"test_{name}": value for name, value in self.evaluate(loader).items()}

    def predict(self, loader: Any) -> Tensor:
        """Return the model's outputs for all batches of a loader; targets in the batches are ignored."""
        model = self.needed("model")
        mode = model.training
        model.eval()
        try:
            with self._settings(), no_grad(), self.precision.forward():
                inputs = (batch[0] if isinstance(batch, list | tuple) else batch for batch in loader)
                outputs = [model(batches.placed(input, self.config.mesh_layout)).eval() for input in inputs]
                return cat(outputs).eval()
        finally:
            model.train(mode)

    def save_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Write all that is needed to go on to a `.pf` file, atomically.

        Of several processes, all call it and the first writes.

        Args:
            path: of the file.

        Raises:
            ValueError: there is no model.
            TypeError: a callback's state cannot be stored.
        """
        self.needed("model")
        checkpoint = resume.snapshot(self)
        self.callbacks.on_save_checkpoint(self, checkpoint)
        if self.is_main_process:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            save_checkpoint(checkpoint, path)
        barrier()

    def load_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Put model, optimizer, scheduler and state back as they were; the next `train()` or `fit` goes on from there.

        Args:
            path: of a file that `save_checkpoint` or `ModelCheckpoint` wrote.

        Raises:
            SerializationError: the file is damaged.
            ValueError: a trainer did not write it.
        """
        checkpoint = load_checkpoint(path)
        resume.restore(self, checkpoint)
        self._resumed = checkpoint


def pair(batch: Any, step: str) -> tuple[Any, Any]:
    """The input and the target of a batch.

    Raises:
        TypeError: it is no pair.
    """
    if isinstance(batch, list | tuple) and len(batch) == 2:
        return batch[0], batch[1]
    parts = f" of {len(batch)} parts" if isinstance(batch, list | tuple | dict) else ""
    raise TypeError(
        f"[trainer] a batch is a {type(batch).__name__}{parts}: expected (input, target); override {step} for others"
    )
