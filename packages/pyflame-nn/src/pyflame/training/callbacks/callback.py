"""What a trainer calls at the events of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pyflame import Checkpoint

if TYPE_CHECKING:
    from ..trainer import Trainer

Logs = dict[str, float]


class Callback:
    """Base class of callbacks: override the events of interest.

    `batch` counts from 0 in each epoch, `logs` holds Python floats, and the keywords always include `trainer`,
    `global_step` and `epoch`. What a callback adds to `logs`, those after it see too.

    Example:
        >>> from pyflame.training import Callback
        >>> class Printer(Callback):
        ...     def on_epoch_end(self, epoch, logs=None, **kw):
        ...         print(epoch, logs["loss"])
    """

    ORDER = 0
    """Callbacks of a smaller number are called first: those that change 0, that report 1, that save 2."""

    def on_train_begin(self, trainer: Trainer, **kw: Any) -> None:
        """Training begins."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        """An epoch begins."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        """A batch of training begins."""

    def on_step_end(self, trainer: Trainer, **kw: Any) -> None:
        """The optimizer has taken a step."""

    def on_batch_end(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        """A batch of training is done."""

    def on_validation_begin(self, trainer: Trainer, **kw: Any) -> None:
        """An evaluation begins."""

    def on_validation_batch_begin(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        """A batch of an evaluation begins."""

    def on_validation_batch_end(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        """A batch of an evaluation is done."""

    def on_validation_end(self, trainer: Trainer, logs: Logs | None = None, **kw: Any) -> None:
        """All batches of an evaluation are done, and measured."""

    def on_evaluate(self, trainer: Trainer, metrics: Logs, **kw: Any) -> None:
        """`evaluate` returns these metrics."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        """An epoch is done, evaluation included, or `trainer.progress.cut_short` by the end of the run."""

    def on_train_end(self, trainer: Trainer, **kw: Any) -> None:
        """Training is done."""

    def on_save_checkpoint(self, trainer: Trainer, checkpoint: Checkpoint, **kw: Any) -> None:
        """A checkpoint will be written: `checkpoint.metadata` takes more."""

    def on_load_checkpoint(self, trainer: Trainer, checkpoint: Checkpoint, **kw: Any) -> None:
        """Training goes on from a checkpoint."""

    def on_exception(self, trainer: Trainer, exception: BaseException, **kw: Any) -> None:
        """Training ends by an exception, which is raised on afterwards."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of this callback."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` returned; called after `on_train_begin`."""


EVENTS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class CallbackList(Callback):
    """Calls several callbacks in order, with the keywords that every event has.

    Args:
        callbacks: those of equal `ORDER` stay in the order given.
        trainer: whose state the keywords tell.

    Example:
        >>> from pyflame.training import CallbackList, LambdaCallback, Trainer
        >>> show = LambdaCallback(on_epoch_end=lambda epoch, logs, **kw: print(sorted(kw)))
        >>> callbacks = CallbackList([show], Trainer())
        >>> callbacks.on_epoch_end(0, {})
        ['global_step', 'trainer']
    """

    def __init__(self, callbacks: Iterable[Callback], trainer: Trainer) -> None:
        self.callbacks: list[Callback] = []
        self.trainer = trainer
        for callback in callbacks:
            self.append(callback)

    def __iter__(self) -> Iterator[Callback]:
        return iter(self.callbacks)

    def __len__(self) -> int:
        return len(self.callbacks)

    def append(self, callback: Callback) -> None:
        """Add a callback, called after the others of its `ORDER`.

        Raises:
            TypeError: it is none.
        """
        if not isinstance(callback, Callback):
            raise TypeError(
                f"[CallbackList] got {type(callback).__name__}: expected a pyflame.training.Callback, an object of it"
            )
        self.callbacks.append(callback)
        self.callbacks.sort(key=lambda one: one.ORDER)

    def _call(self, event: str, *args: Any, given: str = "") -> None:
        """Call an event with the keywords it does not have as an argument (`given`) anyway."""
        state = self.trainer.state
        kw = {"trainer": self.trainer, "global_step": state.global_step, "epoch": state.epoch}
        kw.pop(given, None)
        for callback in self.callbacks:
            getattr(callback, event)(*args, **kw)

    def on_train_begin(self, trainer: Trainer, **kw: Any) -> None:
        self._call("on_train_begin", trainer, given="trainer")

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        self._call("on_epoch_begin", epoch, logs, given="epoch")

    def on_batch_begin(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        self._call("on_batch_begin", batch, logs)

    def on_step_end(self, trainer: Trainer, **kw: Any) -> None:
        self._call("on_step_end", trainer, given="trainer")

    def on_batch_end(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        self._call("on_batch_end", batch, logs)

    def on_validation_begin(self, trainer: Trainer, **kw: Any) -> None:
        self._call("on_validation_begin", trainer, given="trainer")

    def on_validation_batch_begin(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        self._call("on_validation_batch_begin", batch, logs)

    def on_validation_batch_end(self, batch: int, logs: Logs | None = None, **kw: Any) -> None:
        self._call("on_validation_batch_end", batch, logs)

    def on_validation_end(self, trainer: Trainer, logs: Logs | None = None, **kw: Any) -> None:
        self._call("on_validation_end", trainer, logs, given="trainer")

    def on_evaluate(self, trainer: Trainer, metrics: Logs, **kw: Any) -> None:
        self._call("on_evaluate", trainer, metrics, given="trainer")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        self._call("on_epoch_end", epoch, logs, given="epoch")

    def on_train_end(self, trainer: Trainer, **kw: Any) -> None:
        self._call("on_train_end", trainer, given="trainer")

    def on_save_checkpoint(self, trainer: Trainer, checkpoint: Checkpoint, **kw: Any) -> None:
        self._call("on_save_checkpoint", trainer, checkpoint, given="trainer")

    def on_load_checkpoint(self, trainer: Trainer, checkpoint: Checkpoint, **kw: Any) -> None:
        self._call("on_load_checkpoint", trainer, checkpoint, given="trainer")

    def on_exception(self, trainer: Trainer, exception: BaseException, **kw: Any) -> None:
        self._call("on_exception", trainer, exception, given="trainer")


def monitored(op: str, monitor: str, logs: Logs | None) -> float:
    """A measurement out of an epoch's logs.

    Raises:
        KeyError: it is not there.
    """
    values = logs or {}
    if monitor not in values:
        raise KeyError(f"[{op}] {monitor!r} is not logged: there are {', '.join(values) or 'no measurements'}")
    return values[monitor]
