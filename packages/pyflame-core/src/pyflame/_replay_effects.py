"""What a compiled function does beside returning tensors: gradients that it leaves, and calls of each replay."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import _core
from ._replay_state import Unseen, changed_by

if TYPE_CHECKING:
    from ._replay_watch import Watch
    from ._tensor import Tensor

Call = tuple[Callable[..., Any], tuple[Any, ...]]


class _Local(threading.local):
    watch: Watch | None = None
    log: Log | None = None


_local = _Local()
# What is being compiled in any thread: steps of optimizers ask for nothing more where this is empty.
compiling: list[object] = []


def when_replayed(function: Callable[..., Any], *args: Any) -> None:
    """Call a function now, and again whenever what is being recorded is replayed.

    For code that must act beside recording operations, such as keeping a list of what is to be evaluated later.

    Args:
        function: its result is not used.
        args: what it is called with.

    Example:
        >>> import pyflame as pf
        >>> pf.compilation.when_replayed(print, "a step")
        a step
    """
    if _local.log is not None:
        _local.log.steps.append((function, args))
    else:
        function(*args)


def postpone(method: Callable[[], Any]) -> bool:
    """Tell whether a method that evaluates or changes its object was taken over, while a function is being compiled.

    A method that was registered with `acts` begins with it, and returns where it says True: it has been called, or will
    be by each replay.

    Args:
        method: of an object; it is called without arguments.

    Example:
        >>> import pyflame as pf
        >>> pf.compilation.postpone([1].clear)
        False
    """
    watch, log = _local.watch, _local.log
    if log is not None:
        log.call(method)
        return True
    if watch is None:
        return False
    _local.watch = None
    try:
        watch.overlook(method, sys._getframe(1).f_code)
    finally:
        _local.watch = watch
    return True


@dataclass
class Log:
    """What happens while a function is called on tensors without values.

    Args:
        owners: tensors whose gradients it may set.
        given: the gradients they have at first.
    """

    owners: list[Tensor]
    given: list[Tensor | None]
    scope: Any
    steps: list[Any] = field(default_factory=list)  # calls, and lists of (owner, gradient) that have changed
    changed: list[Any] = field(default_factory=list)  # tensors without values that stand for changed ones
    end: int = -1  # of what may read them

    def __post_init__(self) -> None:
        self._known = list(self.given)

    def call(self, method: Callable[[], Any]) -> None:
        """A call whose effects are not seen here."""
        self.note_gradients()
        self.steps.append((method, ()))
        self.changed += map(_core.TensorBase, changed_by(method.__self__))  # type: ignore[attr-defined]
        if self.end < 0:
            self.end = len(self.scope)

    def note_gradients(self) -> None:
        """Gradients that are others than at the last look."""
        now = [owner.grad for owner in self.owners]
        found = [(owner, grad) for owner, grad, known in zip(self.owners, now, self._known) if grad is not known]
        if found:
            self.steps.append(found)
        self._known = now

    def check(self) -> None:
        """Whether all was recorded on values that a replay has.

        Raises:
            Unseen: something read a tensor after a call that changes it.
        """
        if self.end >= 0 and _core.any_reads(self.scope.nodes(), self.end, self.changed):
            raise Unseen("reads parameters after an optimizer's step: compile what comes before it, or both apart")

    def reached(self) -> list[Tensor]:
        """Owners whose gradients have changed."""
        return [owner for step in self.steps if isinstance(step, list) for owner, _ in step]

    def gradients(self) -> list[Any]:
        """All gradients to be computed, in the order of `replayed`."""
        return [grad for step in self.steps if isinstance(step, list) for _, grad in step if grad is not None]

    def replayed(self, first: int) -> list[Any]:
        """The steps with numbers of results in place of gradients, the first of which is `first`."""
        numbers = iter(range(first, first + len(self.gradients())))

        def numbered(step: Any) -> Any:
            if not isinstance(step, list):
                return step
            return [(owner, None if grad is None else next(numbers)) for owner, grad in step]

        return [numbered(step) for step in self.steps]


class watching:
    """While the block runs, methods that are postponed tell the watch about their evaluations."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def __enter__(self) -> None:
        compiling.append(self)
        _local.watch = self._watch

    def __exit__(self, *exc: object) -> None:
        compiling.remove(self)
        _local.watch = None


class logging:
    """While the block runs, owners have the log's gradients, and what is postponed goes to the log."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __enter__(self) -> None:
        self._kept = [owner.grad for owner in self._log.owners]
        for owner, grad in zip(self._log.owners, self._log.given):
            owner.grad = grad
        compiling.append(self)
        _local.log = self._log

    def __exit__(self, *exc: object) -> None:
        compiling.remove(self)
        _local.log = None
        for owner, grad in zip(self._log.owners, self._kept):
            owner.grad = grad
