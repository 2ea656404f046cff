"""The loop over epochs and batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import pyflame as pf
from pyflame import Checkpoint, CompilationInfo, Tensor
from pyflame.distributed import get_world_size
from pyflame.nn.running import take_waiting
from pyflame.optim import LBFGS, ReduceLROnPlateau

from . import batches, resume, streams
from .measures import Means, number
from .state import Logs, Progress

if TYPE_CHECKING:
    from .trainer import Trainer


class TrainingLoop:
    """One run of a trainer.

    Args:
        trainer: whose state, progress and history the loop moves on.
        checkpoint: where to go on; None begins anew.
    """

    def __init__(self, trainer: Trainer, checkpoint: Checkpoint | None) -> None:
        self.trainer, self.config, self._checkpoint = trainer, trainer.config, checkpoint
        self._model, self._optimizer = trainer.needed("model"), trainer.needed("optimizer")
        self._loader = trainer.needed("train_loader")
        self._count = trainer.num_training_batches
        self._period = batches.validation_period(self.config, self._count)
        self._closures = isinstance(self._optimizer, LBFGS)
        if self._closures and (trainer.precision.scaler.is_enabled() or self.config.gradient_clip_val is not None):
            raise ValueError("[trainer] LBFGS computes losses again itself: it allows neither clipping nor float16")

    def run(self) -> None:
        """Train until the last epoch, the last step, or a callback's wish."""
        trainer, state = self.trainer, self.trainer.state
        first = state.epoch
        if self._checkpoint is not None and trainer.progress.finished:
            first += 1
            resume.restore_streams(trainer, self._checkpoint)
            self._checkpoint = None
        for epoch in range(first, 1 if self.config.fast_dev_run else self.config.max_epochs):
            if self._out_of_steps():
                break
            state.epoch = epoch
            self._epoch(epoch)
            if state.should_stop:
                break

    def _epoch(self, epoch: int) -> None:
        trainer = self.trainer
        if self._checkpoint is None:
            trainer.progress = Progress(accumulation=trainer.progress.accumulation)
            self._model.train()
            trainer.callbacks.on_epoch_begin(epoch, {})
        del trainer.history.epochs[epoch:]  # the row of an epoch that was cut short and goes on
        progress = trainer.progress
        progress.cut_short = False
        for index, batch in self._batches(epoch):
            self._batch(index, batches.placed(batch, self.config.mesh_layout))
            if trainer.state.should_stop:
                progress.cut_short = index + 1 != self._count
                break
        if progress.waiting and trainer.state.should_stop and get_world_size() > 1:
            progress.waiting = 0  # stopped between batches whose gradients were not exchanged: they are of no use
        if progress.waiting:
            self._step()
            trainer.callbacks.on_step_end(trainer)
        logs = Means(progress.sums, progress.items).compute() if progress.items else {}
        if trainer.val_loader is not None and self._period is None:
            generators = resume.all_generators(trainer)
            stood = streams.capture(generators)
            self._validate()
            if progress.cut_short:  # the epoch goes on, from a checkpoint, as if it had not been evaluated here
                streams.restore(stood, generators)
        logs |= progress.validation
        if trainer.scheduler is not None and not trainer.scheduler_paused and not progress.cut_short:
            self._step_scheduler(logs)
        trainer.state.logs = logs
        trainer.history.epochs.append(logs)
        progress.finished = not progress.cut_short
        trainer.callbacks.on_epoch_end(epoch, logs)

    def _batches(self, epoch: int) -> Iterator[tuple[int, Any]]:
        """The numbered batches of an epoch; those that a checkpoint has behind it are drawn and left out.

        Raises:
            RuntimeError: the loader has fewer batches than were done.
        """
        trainer, done = self.trainer, self.trainer.progress.batches
        generators = batches.generators_of(self._loader)
        batches.set_epoch(self._loader, epoch)
        if self._checkpoint is None:
            trainer.streams = streams.capture(generators)
        else:
            streams.restore(trainer.streams, generators)
        iterator = batches.taken(self._loader, self._count)
        if self._checkpoint is not None:
            for index in range(done):
                if next(iterator, iterator) is iterator:
                    raise RuntimeError(f"[fit] the checkpoint is after batch {done}, but the loader has only {index}")
            resume.restore_streams(trainer, self._checkpoint)
            self._checkpoint = None
        return enumerate(iterator, done)

    def _batch(self, index: int, batch: Any) -> None:
        trainer, state, progress = self.trainer, self.trainer.state, self.trainer.progress
        state.batch_idx = index
        trainer.callbacks.on_batch_begin(index, {})
        if progress.waiting == 0:
            self._optimizer.zero_grad()
        progress.waiting += 1
        due = progress.waiting >= progress.accumulation
        if self._closures:
            logs = self._closure_step(batch)
        else:
            with self._synchronized(due or index + 1 == self._count):
                loss, logs = self._loss(batch)
                trainer.precision.backward(loss, progress.accumulation)
            if due:
                self._step()
        logs = {name: number(value) for name, value in logs.items()}
        means = Means(progress.sums, progress.items)
        means.add(logs, batches.size_of(batch))
        progress.items, progress.batches = means.count, index + 1
        state.logs = logs
        if due:
            trainer.callbacks.on_step_end(trainer)
        if trainer.logs_due:
            trainer.history.steps.append({"step": state.global_step, **logs})
        if self._period is not None and trainer.val_loader is not None and (index + 1) % self._period == 0:
            self._validate()
        if self._out_of_steps():
            state.should_stop = True
        # Last: what a checkpoint saved here has behind it is all of this batch.
        trainer.callbacks.on_batch_end(index, logs)

    def _loss(self, batch: Any) -> tuple[Tensor, dict[str, Any]]:
        """The loss of a batch, and all that `training_step` measures, the loss included.

        Raises:
            TypeError: `training_step` returns something else.
        """
        with self.trainer.precision.forward():
            result = self.trainer.training_step(batch)
        logs = dict(result) if isinstance(result, dict) else {"loss": result}
        loss = logs.get("loss")
        if not isinstance(loss, Tensor):
            raise TypeError(
                f"[trainer] training_step returned {type(result).__name__}: expected the loss, or a dict with it as "
                "'loss'"
            )
        return loss, {name: value.detach() if isinstance(value, Tensor) else value for name, value in logs.items()}

    def _synchronized(self, wanted: bool) -> AbstractContextManager[Any]:
        """Processes that train together exchange gradients only for the batch that completes a step."""
        # Without a known length the last batch of an epoch may complete one unexpectedly.
        if wanted or self._count is None or not hasattr(self._model, "no_sync"):
            return nullcontext()
        context: AbstractContextManager[Any] = self._model.no_sync()
        return context

    def _step(self) -> None:
        self.trainer.precision.step(self._optimizer)
        self.trainer.state.global_step += 1
        self.trainer.progress.waiting = 0

    def _closure_step(self, batch: Any) -> dict[str, Any]:
        """A step of an optimizer that computes loss and gradients itself."""
        if self.trainer.progress.accumulation != 1:
            raise ValueError("[trainer] LBFGS computes losses again itself: it does not allow accumulated gradients")
        first: list[dict[str, Any]] = []

        def closure() -> Tensor:
            self._optimizer.zero_grad()
            loss, logs = self._loss(batch)
            loss.backward()
            first.append(logs)
            return loss

        self._optimizer.step(closure)
        self.trainer.state.global_step += 1
        self.trainer.progress.waiting = 0
        return first[0]

    def _validate(self) -> None:
        trainer = self.trainer
        batches.set_epoch(trainer.val_loader, trainer.state.epoch)  # a shuffling loader counts by itself otherwise
        found: Logs = {f"val_{name}": value for name, value in trainer.evaluate(trainer.val_loader).items()}
        trainer.progress.validation = found
        if self._period is not None:
            trainer.history.steps.append({"step": trainer.state.global_step, **found})

    def _step_scheduler(self, logs: Logs) -> None:
        scheduler = self.trainer.scheduler
        if isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step(logs.get("val_loss", logs.get("loss")))
        else:
            scheduler.step()

    def _out_of_steps(self) -> bool:
        return self.config.max_steps is not None and self.trainer.state.global_step >= self.config.max_steps

    def compile(self) -> CompilationInfo:
        """Build the plan of the first step without running it; the model stays as it is.

        Raises:
            ValueError: there are no batches.
        """
        model = self._model
        with pf.random.fork_rng():  # loaders draw seeds
            batch = next(batches.taken(self._loader, self._count), None)
        if batch is None:
            raise ValueError("[fit] the loader has no batch to compile a step for")
        model.train()
        # Running statistics move with the forward pass, and dropout draws: both are taken back.
        kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
        pf.eval(list(kept.values()))
        try:
            with pf.random.fork_rng():
                loss, _ = self._loss(batches.placed(batch, self.config.mesh_layout))
                self.trainer.precision.backward(loss, 1)
            gradients = [param.grad for param in model.parameters() if param.grad is not None]
            return pf.compile_graph([loss, *gradients])
        finally:
            self._optimizer.zero_grad()
            take_waiting()
            with pf.no_grad():
                for name, buffer in model.named_buffers():
                    buffer.copy_(kept[name])
