"""Which backend evaluates: of this context, else of the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from .. import _core
from . import registry

if TYPE_CHECKING:
    from .._tensor import Tensor
    from .._types import Array

_active: ContextVar[str | None] = ContextVar("pyflame_backend", default=None)
_default = "cpu"
_elsewhere = 0  # contexts that asked for another backend; the core asks back only while there are any


class Backend:
    """Names of well-known backends.

    Example:
        >>> Backend.CPU
        'cpu'
    """

    CPU = "cpu"
    CEREBRAS = "cerebras"
    CEREBRAS_SIMULATOR = "cerebras:simulator"


def current() -> str:
    """The name of the backend that evaluates here."""
    return _active.get() or _default


@contextmanager
def use_backend(name: str) -> Iterator[Any]:
    """Evaluate what is needed inside the `with` block on another backend.

    Pending tensors go to whichever backend is in force when their values are asked for.

    Args:
        name: of a registered backend.

    Raises:
        RuntimeError: it does not exist or cannot run here.

    Example:
        >>> import pyflame as pf
        >>> with pf.use_backend("reference"):
        ...     (pf.ones(2) + 1).tolist()
        [2.0, 2.0]
    """
    backend = usable(name)
    token = _active.set(name)
    _count(1 if name != "cpu" else 0)
    try:
        yield backend
    finally:
        _count(-1 if name != "cpu" else 0)
        _active.reset(token)


def usable(name: str) -> Any:
    """A backend that can run here.

    Raises:
        RuntimeError: it does not exist or cannot run here.
    """
    backend = registry.get(name)
    if hasattr(backend, "is_available") and not backend.is_available():
        raise RuntimeError(f"[backends] {name!r} is installed but cannot run here: see pyflame.device_info({name!r})")
    return backend


def set_default(name: str) -> None:
    """Makes a backend the one of the process."""
    global _default
    usable(name)
    _count((name != "cpu") - (_default != "cpu"))
    _default = name


def _count(change: int) -> None:
    global _elsewhere
    _elsewhere += change
    if change:
        _core.set_evaluator(_evaluate if _elsewhere else None)


def _evaluate(tensors: list[Tensor]) -> list[Array] | None:
    name = current()
    if name == "cpu":
        return None
    from . import adapter

    backend = registry.get(name)
    token = _active.set("cpu")  # what the backend itself computes with tensors must not come back to it
    try:
        return adapter.evaluate(backend, tensors)
    finally:
        _active.reset(token)
