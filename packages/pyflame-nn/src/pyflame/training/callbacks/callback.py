"""What a trainer calls at the events of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..trainer import Trainer

Logs = dict[str, float]


class Callback:
    """Base class of callbacks: override the events of interest.

    `batch` counts from 0 in each epoch, `logs` holds Python floats, and the keywords always include `trainer`,
    `global_step` and `epoch`.

    Example:
        >>> from pyflame.training import Callback
        >>> class Printer(Callback):
        ...     def on_epoch_end(self, epoch, logs=None, **kw):
        ...         print(epoch, logs["loss"])
    """

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
        """An evaluation is done."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        """An epoch is done, evaluation included."""

    def on_train_end(self, trainer: Trainer, **kw: Any) -> None:
        """Training is done."""

    def on_exception(self, trainer: Trainer, exception: BaseException, **kw: Any) -> None:
        """Training ends by an exception, which is raised on afterwards."""


class CallbackList(Callback):
    """Calls several callbacks in order, with the keywords that every event has."""

    def __init__(self, callbacks: Iterable[Callback], trainer: Trainer) -> None:
        self.callbacks, self.trainer = list(callbacks), trainer

    def __iter__(self) -> Iterator[Callback]:
        return iter(self.callbacks)

    def append(self, callback: Callback) -> None:
        """Add a callback, called after the others."""
        self.callbacks.append(callback)

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

    def on_epoch_end(self, epoch: int, logs: Logs | None = None, **kw: Any) -> None:
        self._call("on_epoch_end", epoch, logs, given="epoch")

    def on_train_end(self, trainer: Trainer, **kw: Any) -> None:
        self._call("on_train_end", trainer, given="trainer")

    def on_exception(self, trainer: Trainer, exception: BaseException, **kw: Any) -> None:
        self._call("on_exception", trainer, exception, given="trainer")
