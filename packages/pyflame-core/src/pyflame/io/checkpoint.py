"""All that is needed to go on with a training run."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any

from .._tensor import Tensor
from . import bundle
from .atomic import opened_for_writing
from .source import opened_for_reading

if TYPE_CHECKING:
    PathOrFile = str | os.PathLike[str] | IO[bytes]

_STATES = ("model_state", "optimizer_state", "scheduler_state")
_FIELDS = (*_STATES, "epoch", "global_step", "best_metric", "rng_state")


class Checkpoint:
    """The state of a training run at one moment.

    A run that goes on from a checkpoint of its model, optimizer, scheduler and random numbers computes, on the same
    machine, bit for bit what it would have computed without stopping.

    Args:
        model_state: a module, or its `state_dict()`.
        optimizer_state: an optimizer, or its `state_dict()`.
        epoch: epochs that are finished.
        global_step: optimizer steps that are finished.
        best_metric: the best value of the metric that is watched.
        scheduler_state: a scheduler, or its `state_dict()`.
        rng_state: what `get_rng_state()` returns.
        metadata: anything else that `save` can store; kept in `metadata`.

    Example:
        >>> import pyflame as pf
        >>> ck = pf.Checkpoint({"w": pf.ones(2)}, epoch=3, note="warm")
        >>> ck.epoch, ck.metadata
        (3, {'note': 'warm'})
    """

    def __init__(
        self,
        model_state: Any,
        optimizer_state: Any = None,
        epoch: int = 0,
        global_step: int = 0,
        best_metric: float | None = None,
        scheduler_state: Any = None,
        rng_state: Tensor | None = None,
        **metadata: Any,
    ) -> None:
        self.model_state = state_of(model_state)
        self.optimizer_state = state_of(optimizer_state)
        self.scheduler_state = state_of(scheduler_state)
        self.epoch = epoch
        self.global_step = global_step
        self.best_metric = best_metric
        self.rng_state = rng_state
        self.metadata = metadata

    def save(self, path: PathOrFile, *, compress: bool = False) -> None:
        """Write a `.pf` file, atomically.

        Args:
            path: of the file, or a binary file object.
            compress: make the file smaller, and slower to write and read.

        Raises:
            TypeError: something in it cannot be stored.
        """
        values = {name: getattr(self, name) for name in _FIELDS} | {"metadata": self.metadata}
        summary = {"epoch": self.epoch, "global_step": self.global_step, "best_metric": self.best_metric}
        with opened_for_writing(path) as file:
            bundle.write(values, file, compress, summary, "checkpoint")

    @classmethod
    def load(cls, path: PathOrFile) -> Checkpoint:
        """Read what `save` wrote.

        Args:
            path: of the file, or a binary file object.

        Raises:
            SerializationError: the file is damaged, or no checkpoint.
        """
        with opened_for_reading(path) as source:
            values = bundle.read(source, "checkpoint")
            if not isinstance(values, dict) or values.keys() != {*_FIELDS, "metadata"}:
                raise source.refuse("the checkpoint has not the parts that one has")
            if not isinstance(values["metadata"], dict) or not all(isinstance(k, str) for k in values["metadata"]):
                raise source.refuse("the metadata of the checkpoint is no dict with names")
        checkpoint = cls(**{name: values[name] for name in _FIELDS})
        checkpoint.metadata = values["metadata"]
        return checkpoint

    def __repr__(self) -> str:
        return f"Checkpoint(epoch={self.epoch}, global_step={self.global_step}, best_metric={self.best_metric})"


def state_of(part: Any) -> Any:
    """The state dict of a module, optimizer or scheduler; what is no such object is one already."""
    return part.state_dict() if callable(getattr(part, "state_dict", None)) else part


def save_checkpoint(ck: Checkpoint, path: PathOrFile) -> None:
    """Write a checkpoint to a `.pf` file, atomically.

    Args:
        ck: what is stored.
        path: of the file.

    Raises:
        TypeError: it is no Checkpoint, or something in it cannot be stored.

    Example:
        >>> import io
        >>> import pyflame as pf
        >>> file = io.BytesIO()
        >>> pf.save_checkpoint(pf.Checkpoint({"w": pf.ones(2)}, epoch=3), file)
        >>> pf.load_checkpoint(io.BytesIO(file.getvalue()))
        Checkpoint(epoch=3, global_step=0, best_metric=None)
    """
    if not isinstance(ck, Checkpoint):
        raise TypeError(f"[save_checkpoint] expected a Checkpoint, got {type(ck).__name__}")
    ck.save(path)


def load_checkpoint(path: PathOrFile) -> Checkpoint:
    """Read a checkpoint that `save_checkpoint` or `Checkpoint.save` wrote.

    Args:
        path: of the file.

    Raises:
        SerializationError: the file is damaged, or no checkpoint.

    Example:
        >>> import io
        >>> import pyflame as pf
        >>> file = io.BytesIO()
        >>> pf.Checkpoint({"w": pf.ones(2)}, global_step=7).save(file)
        >>> pf.load_checkpoint(io.BytesIO(file.getvalue())).global_step
        7
    """
    return Checkpoint.load(path)
